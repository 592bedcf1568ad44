"""What the judge's approvals are worth: people against judge. No torch."""
