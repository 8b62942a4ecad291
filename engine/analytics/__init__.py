"""Measures over what was traded."""
