"""Massive's (formerly Polygon's) real-time and past market data."""
