"""What a simulated venue charges and how it fills, as people type it."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from engine.errors import InvalidInput
from engine.venue.fees import (
    Fees,
    NoFees,
    PerUnitFees,
    ProportionalFees,
    alpaca,
    ibkr_fixed,
    ibkr_tiered,
    schwab,
    tastytrade,
)
from engine.venue.fills import FillModel, LastFill, TouchFill
from engine.venue.latency import FixedLatency, Latency, LogNormalLatency, NoLatency
from engine.venue.slippage import FixedSlippage, NoSlippage, Slippage, SpreadSlippage, VolumeShareSlippage

FILLS: dict[str, Callable[[], FillModel]] = {"touch": TouchFill, "last": LastFill}
SCHEDULES: dict[str, Callable[[], Fees]] = {
    "none": NoFees,
    "schwab": schwab,
    "tastytrade": tastytrade,
    "alpaca": alpaca,
    "ibkr_tiered": ibkr_tiered,
    "ibkr_fixed": ibkr_fixed,
}
FEES = f"{', '.join(SCHEDULES)}, unit:AMOUNT (per share or contract) or rate:FRACTION (of the traded value)"
LATENCY = "milliseconds, or MEDIAN~SPREAD (log-normal, seeded)"
PARTICIPATION = "a share of the volume, above 0 and up to 1"
SLIPPAGE = "none, fixed:TICKS, spread:SHARE or volume:IMPACT"
MOST = Decimal(10) ** 12  # of anything that a person types here; far beyond it floats and whole numbers overflow


def parse_fill(text: str) -> FillModel:
    """`touch` (bid or ask where known) or `last`."""
    if text not in FILLS:
        raise InvalidInput(f"fill: expected {' or '.join(FILLS)}, found {text!r}", field="fill")
    return FILLS[text]()


def parse_fees(text: str) -> Fees:
    """`none`, a venue's schedule, `unit:1.25`, `rate:0.0005`."""
    if text in SCHEDULES:
        return SCHEDULES[text]()
    kind, _, size = text.partition(":")
    value = amount(size, field="fees", expected=FEES, found=text)
    if kind == "unit":
        return PerUnitFees(value)
    if kind == "rate":
        return ProportionalFees(value)
    raise InvalidInput(f"fees: expected {FEES}, found {text!r}", field="fees")


def parse_slippage(text: str) -> Slippage:
    """`none`, `fixed:1`, `spread:0.5`, `volume:0.1`."""
    kind, _, size = text.partition(":")
    if kind == "none" and not size:
        return NoSlippage()
    value = float(amount(size, field="slippage", expected=SLIPPAGE, found=text))
    kinds: dict[str, Callable[[float], Slippage]] = {
        "fixed": FixedSlippage,
        "spread": SpreadSlippage,
        "volume": VolumeShareSlippage,
    }
    if kind not in kinds:
        raise InvalidInput(f"slippage: expected {SLIPPAGE}, found {text!r}", field="slippage")
    return kinds[kind](value)


def parse_latency(text: str) -> Latency:
    """`0`, `40` (milliseconds, always), `40~0.5` (the median, and the spread of its logarithm)."""
    median, separator, spread = text.partition("~")
    delay_ns = int(amount(median, field="latency", expected=LATENCY, found=text) * 1_000_000)
    if separator:
        return LogNormalLatency(delay_ns, float(amount(spread, field="latency", expected=LATENCY, found=text)))
    return FixedLatency(delay_ns) if delay_ns else NoLatency()


def parse_participation(text: str | None) -> float | None:
    """The share of an event's volume that one order may take; None: all it wants."""
    if text is None:
        return None
    value = float(amount(text, field="participation", expected=PARTICIPATION, found=text))
    if not 0 < value <= 1:
        raise InvalidInput(f"participation: expected {PARTICIPATION}, found {text!r}", field="participation")
    return value


def amount(text: str, *, field: str, expected: str, found: str) -> Decimal:
    """A number from 0 to `MOST` in `text`; the refusal names `field`, what was `expected`, and what was `found`."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InvalidInput(f"{field}: expected {expected}, found {found!r}", field=field) from None
    if not value.is_finite() or not 0 <= value <= MOST:
        raise InvalidInput(f"{field}: expected {expected}, found {found!r}", field=field)
    return value
