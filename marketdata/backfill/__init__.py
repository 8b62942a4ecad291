"""Fetching history: from where, how far back, at which pace, and what came of it."""
