"""One file, one command: each reads from top to bottom."""
