"""A synthetic market and the venues' own protocols in front of it."""
