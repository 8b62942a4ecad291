"""Broker accounts, and one folder per venue."""
