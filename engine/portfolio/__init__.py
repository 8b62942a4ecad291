"""What is held: lots, positions, profit and loss, equity."""
