"""Fingerprints: what strategies catch of a market's moves, where, and what none of them does. Pure, deterministic."""
