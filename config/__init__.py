"""Is edited: what an operator changes. Questions, purposes, recipients, wording, policy versions, settings."""
