"""Market data: feeds, streams, history."""
