"""The DXLink market data protocol in front of the synthetic market."""
