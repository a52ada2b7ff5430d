"""Backups, and what a restore may bring back."""
