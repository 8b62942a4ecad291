"""Our bars against a vendor's: which are missing, which differ, and what that makes of the day."""

from collections.abc import Sequence

import msgspec

from engine.model.market import Bar
from engine.model.time import iso

_PRICES = ("open", "high", "low", "close")
VOLUME_TOLERANCE = 0.01  # of the vendor's: late prints and corrections move volume a little on every venue


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bar that is not the same. `what`: missing (we have none), extra (the vendor has none), or the field."""

    ts: str
    what: str
    ours: float | None = None
    theirs: float | None = None


def differences(ours: Sequence[Bar], theirs: Sequence[Bar], *, tick_size: float) -> list[Difference]:
    """Every bar of either side that the other has not, or has with another price or volume, oldest first.

    Prices are the same within half a tick, volumes within 1 %. A bar of ours that is incomplete counts as missing.
    """
    known = {bar.ts: bar for bar in ours if bar.is_complete}
    asked = {bar.ts: bar for bar in theirs}
    found: list[Difference] = []
    for ts in sorted(known.keys() | asked.keys()):
        if ts not in known:
            found.append(Difference(iso(ts), "missing"))
        elif ts not in asked:
            found.append(Difference(iso(ts), "extra"))
        else:
            found += _fields(known[ts], asked[ts], tick_size)
    return found


def _fields(ours: Bar, theirs: Bar, tick_size: float) -> list[Difference]:
    found = [
        Difference(iso(ours.ts), name, getattr(ours, name), getattr(theirs, name))
        for name in _PRICES
        if abs(getattr(ours, name) - getattr(theirs, name)) > tick_size / 2
    ]
    if abs(ours.volume - theirs.volume) > VOLUME_TOLERANCE * abs(theirs.volume):
        found.append(Difference(iso(ours.ts), "volume", ours.volume, theirs.volume))
    return found
