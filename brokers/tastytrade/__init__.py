"""tastytrade."""
