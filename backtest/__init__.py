"""Simulated runs over stored history."""
