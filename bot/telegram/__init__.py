"""Telegram, piece by piece: the pipe, what comes in, what goes out, and what is deleted again."""
