"""Commands for people at a terminal. Each module adds its own to the parser; `asked.run(asked, office)` does it."""
