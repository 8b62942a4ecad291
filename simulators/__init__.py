"""Venues in miniature: a seeded synthetic market behind the venues' own protocols, with faults on demand."""
