"""Databento: the live gateway's stream of DBN records, replayed where it was missed, and history over HTTP."""
