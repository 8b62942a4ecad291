"""A simulated venue: matches approved orders against market events."""
