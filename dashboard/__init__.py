"""The pages people watch."""
