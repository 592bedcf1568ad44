"""What happened: one database, and images by content hash."""
