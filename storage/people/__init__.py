"""What people, and the officer for them, do with what is kept: read, prove who they are, erase; and retention."""
