"""Alpaca in miniature: market data and trading in its own words."""
