"""The life of an order, as the engine sees it."""
