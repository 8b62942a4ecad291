"""What a strategy that trades options asks of their chain."""

import msgspec


class ContractRules(msgspec.Struct, frozen=True):
    """Both in seconds: how long a wish may take to become an order, and how old the newest quote of a chain may be."""

    wait_s: float = 20.0
    max_age_s: float = 30.0
