"""People: accounts by e-mail, roles, tokens."""
