"""Runs the product on one machine: the table of its services, their supervision, and one log."""
