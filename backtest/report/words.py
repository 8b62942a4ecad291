"""Numbers as people read them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from engine.instruments.sessions import NEW_YORK
from engine.model.time import to_datetime

MINUS = "−"


def cash(value: float | Decimal | None, *, places: int = 2) -> str:
    """ "1,234.50", "−3.00"; a dash for what is not known."""
    if value is None or value != value:
        return "–"
    return f"{value:,.{places}f}".replace("-", MINUS)


def share(value: float | None, *, places: int = 2) -> str:
    """A fraction as percent."""
    return "–" if value is None or value != value else f"{100 * value:,.{places}f} %".replace("-", MINUS)


def basis_points(value: float | None) -> str:
    """A small fraction in hundredths of a percent."""
    return "–" if value is None else f"{cash(1e4 * value, places=3)} bp"


def number(value: float | None, *, places: int = 2) -> str:
    return cash(value, places=places)


def count(value: float) -> str:
    """With commas between thousands."""
    return f"{value:,}"


def short(value: object) -> str:
    """A parameter: six digits are enough to tell drawn numbers apart."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def settings(params: Mapping[str, object]) -> str:
    """Parameters as a line."""
    return ", ".join(f"{name} {short(value)}" for name, value in params.items()) or "defaults"


def span(seconds: float | None) -> str:
    """ "2 d 3 h", "4 min", "12 s": the two largest parts."""
    if seconds is None or seconds != seconds:
        return "–"
    left, parts = round(seconds), []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def moment(ts: int) -> str:
    """New York's clock: "2024-03-01 09:31:00"."""
    return f"{local(ts):%Y-%m-%d %H:%M:%S}"


def local(ts: int) -> datetime:
    return to_datetime(ts).astimezone(NEW_YORK)
