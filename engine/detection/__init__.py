"""Finds the symbols that deserve attention: those that move fast, and quiet ones that begin to trade."""
