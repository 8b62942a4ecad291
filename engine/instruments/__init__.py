"""What is traded: price grid, multiplier, sessions, contracts."""
