"""What approvals are worth: rates from an audit, from the judge's confidence (PPI++), and for a batch without labels."""
