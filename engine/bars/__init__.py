"""Ticks to bars: when a bar ends, what it holds, and in which order bars come out."""
