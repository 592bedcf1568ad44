"""What the judge's confidence is good for: thresholds with a promise, reliability, maps of scores, risk."""
