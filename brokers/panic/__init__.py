"""The emergency path: cancels and flattens at the brokers with nothing of the platform running."""
