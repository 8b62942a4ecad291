"""Charles Schwab's streamer: level one, sampled into prints, and the venue's own minutes."""
