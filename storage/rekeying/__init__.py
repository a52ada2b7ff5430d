"""Epochs end: the next one begins, keys and look-ups move under it, the old one is retired."""
