"""Which option to trade: chains as values, and pure choices from them."""
