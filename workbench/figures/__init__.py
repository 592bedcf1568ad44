"""Data in, a plot out; used by widgets, app and pages alike."""
