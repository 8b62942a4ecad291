"""Books, runs, orders, fills, positions, trades: the ledger people see, and the processes that trade."""
