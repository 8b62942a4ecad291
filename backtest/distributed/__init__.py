"""Sweeps and campaigns on many workers: planned as shards, claimed one by one, folded when all are done."""
