"""Management commands that concern market data."""
