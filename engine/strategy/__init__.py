"""What a strategy is, what it sees, and how one is configured."""
