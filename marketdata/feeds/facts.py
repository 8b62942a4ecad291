"""What a feed tells about a symbol beside prints and quotes: the day's summary, the profile, the greeks."""

import msgspec

Value = float | str


class SymbolFacts(msgspec.Struct, frozen=True):
    """The newest `values` of one `kind`: "summary", "profile" or "greeks"; absent numbers are left out.

    Not an event of the engine: pages and option chains read the newest ones, nothing is decided by their order.
    """

    symbol: str
    kind: str
    values: dict[str, Value]
    ts_recv: int = 0
