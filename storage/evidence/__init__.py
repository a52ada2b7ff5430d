"""What can be proved to others: the audit and its chain, signed documents, certificates of erasure."""
