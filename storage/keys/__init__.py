"""Data keys, who wraps them, and sealing under them."""
