"""What can be said of a backtest that was the best of many: splits, and corrections for the number of trials."""
