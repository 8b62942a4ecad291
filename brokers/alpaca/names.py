"""How orders are called at Alpaca: by our names, which are unique over the account for ever. Pure."""

import re

from brokers.venue import OrderRefused
from engine.model.orders import Order

MAX_NAME = 48  # characters of a client_order_id that every version of the interface takes
_PAIR = re.compile(r"^(?P<base>.*-)(?P<target>\d{6,})-p(?P<stop>\d{6,})$")
LONGEST = MAX_NAME - 4  # room for the number of a replacement
_REPLACEMENT = re.compile(r"^(?P<name>.*-p?\d{6,})-v(?P<number>\d+)$")
# Alpaca names the orders that come without a name itself: a UUID, which none of ours is.
_THEIRS = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def pair_name(stop: Order, target: Order) -> str:
    """Alpaca takes one name for both, so it tells both: ours are of one slot, and differ in their number only."""
    name = f"{target.client_id}-p{stop.client_id.rpartition('-')[2]}"
    if len(name) > LONGEST:
        text = f"client_id: at most {LONGEST} characters were expected for both, found {name!r}"
        raise OrderRefused(text, field="client_id")
    return name


def number_in_pair(pair: str, name: str) -> int | None:
    """Of a pair of ours, which order we call `name`: 0 for the target, 1 for the stop; None where it is neither."""
    found = _PAIR.match(pair)
    if found is None:
        return None
    names = [found["base"] + found["target"], found["base"] + found["stop"]]
    return names.index(name) if name in names else None


def replacement_name(present: str) -> str:
    """What the order after the one called `present` is called: names are unique over the account for ever."""
    found = _REPLACEMENT.match(present)
    return f"{found['name']}-v{int(found['number']) + 1}" if found else f"{present}-v2"


def our_name(client_order_id: str) -> str:
    """The name that we gave the first of a chain of replacements, of a pair that of the target; empty for orders that
    are not ours, and for a pair's stop, which Alpaca names itself."""
    if _THEIRS.match(client_order_id):
        return ""
    found = _REPLACEMENT.match(client_order_id)
    name: str = found["name"] if found else client_order_id
    pair = _PAIR.match(name)
    return pair["base"] + pair["target"] if pair else name
