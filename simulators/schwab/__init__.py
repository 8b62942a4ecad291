"""Charles Schwab's own protocol in front of the synthetic market: login, REST and the streamer."""
