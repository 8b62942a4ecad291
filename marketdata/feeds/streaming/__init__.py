"""What feeds over one WebSocket have in common, whatever is said on it."""
