"""Simulated execution: orders are filled by our own venue, no broker is called."""
