"""The web channel: chat over socket and HTTP, the person's rights, health, and the documents that describe them."""
