"""A market of our own making, for trying things without an account: it is invented, and says so."""
