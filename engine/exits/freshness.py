"""No exit is decided on a price that is old, or on data in doubt."""

from engine.exits.config import ExitConfig

NS = 1_000_000_000


def stale_reason(config: ExitConfig | None, *, now: int, price_ts: int, doubt: str) -> str:
    """Why a price must not decide an exit; empty when it may. Without `stale_after_s` any age will do."""
    if doubt:
        return doubt
    if config is None or config.stale_after_s is None:
        return ""
    age = (now - price_ts) / NS
    return f"the price is {age:g} s old" if age > config.stale_after_s else ""
