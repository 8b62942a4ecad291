"""The processes that trade: one loop per book, plugged together in `compose`."""
