"""Finds rules in history, and says how far they can be believed."""
