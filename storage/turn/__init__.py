"""One group of turns: what it loads, what it decides to write, and how it is written."""
