"""What colleagues and recipients may see, and how colleagues come in."""
