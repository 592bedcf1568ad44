"""What changes with time: precision under watch, drift of scores, narrowing of what is approved."""
