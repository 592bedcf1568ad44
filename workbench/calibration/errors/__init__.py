"""Where and why the judge is wrong: slices, failure modes, criteria, places among embeddings."""
