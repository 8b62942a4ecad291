"""Adapters to the vendors of market data, one module or folder each."""
