"""How long tests wait for what must come."""

DEADLINE_S = 120.0  # it comes in milliseconds, or in seconds where processes start; only a failure waits so long
