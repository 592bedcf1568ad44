"""Store in, pages out: no model, no network."""
