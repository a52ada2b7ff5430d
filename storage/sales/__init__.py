"""What colleagues and recipients may see."""
