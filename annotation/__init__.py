"""What people are shown and asked, and what they said."""
