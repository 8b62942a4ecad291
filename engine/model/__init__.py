"""The nouns of trading as frozen values: market events, signals, orders, fills, positions, commands."""
