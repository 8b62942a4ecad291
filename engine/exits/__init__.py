"""How an open position is guarded."""
