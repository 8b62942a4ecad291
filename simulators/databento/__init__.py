"""Databento in front of the simulated market: the live gateway's TCP protocol and the historical HTTP interface."""
