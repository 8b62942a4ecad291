"""Programs that break things on purpose, many times, by a seed, and then look for what went wrong."""
