"""Arrays in, numbers out. No torch."""
