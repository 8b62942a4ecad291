"""What a broker does behind its protocol: accounts, orders and their matching, shared by all simulated venues."""
