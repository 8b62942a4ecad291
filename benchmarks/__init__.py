"""Measurements: the `run()` of each module gives rows of name, value, unit, target, met and, for null, reason."""
