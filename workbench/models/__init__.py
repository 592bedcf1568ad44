"""What generates: protocols, and one file per engine."""
