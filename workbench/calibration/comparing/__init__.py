"""Two judges or two rubrics on the same items."""
