"""Alpaca's real-time and past market data."""
