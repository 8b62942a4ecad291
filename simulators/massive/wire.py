"""Massive's market data as it stands on the wire."""

import random
from typing import Any

import msgspec

from engine.model.time import NS_PER_MS
from simulators.candles import Candle
from simulators.faults import Damage, cut_short
from simulators.listing import Listing
from simulators.tape import Print

_EXCHANGES = {"N": 10, "P": 11, "Q": 12}
_TAPES = {"N": 1, "P": 2, "Q": 3}
_ODD_LOT, _EXTENDED = 37, 12
ROUND_LOT = 1  # of the simulated market, whose minutes are priced by every print


def trade(listing: Listing, each: Print) -> dict[str, Any]:
    """Times are in milliseconds here; REST has nanoseconds."""
    marks = [_EXTENDED] * (not each.is_regular) + [_ODD_LOT] * (each.size < ROUND_LOT)
    return {
        "ev": "T", "sym": listing.symbol, "x": _exchange(listing), "i": str(each.ordinal + 1), "z": _tape(listing),
        "p": each.price, "s": each.size, "c": marks, "t": each.ts // NS_PER_MS, "q": each.ordinal * 3 + 1,
        "ds": str(each.size),
    }  # fmt: skip


def quote(listing: Listing, each: Print) -> dict[str, Any]:
    return {
        "ev": "Q", "sym": listing.symbol, "bx": _exchange(listing), "bp": each.bid, "bs": each.bid_size,
        "ax": _exchange(listing), "ap": each.ask, "as": each.ask_size, "c": 0, "t": each.ts // NS_PER_MS,
        "q": each.ordinal * 3, "z": _tape(listing),
    }  # fmt: skip


def aggregate(listing: Listing, candle: Candle, *, kind: str, span_ms: int) -> dict[str, Any]:
    """`kind`: A of a second, AM of a minute. What concerns the day so far is left at the window's own."""
    price, vwap = listing.price, _vwap(listing, candle)
    return {
        "ev": kind, "sym": listing.symbol, "v": candle.volume, "av": candle.volume, "op": price(candle.open),
        "vw": vwap, "o": price(candle.open), "h": price(candle.high), "l": price(candle.low), "c": price(candle.close),
        "a": vwap, "z": candle.volume // max(candle.trade_count, 1), "s": candle.time, "e": candle.time + span_ms,
        "otc": False, "dv": str(candle.volume), "dav": str(candle.volume),
    }  # fmt: skip


def index_value(listing: Listing, name: str, each: Print) -> dict[str, Any]:
    return {"ev": "V", "T": name, "val": each.price, "t": each.ts // NS_PER_MS}


def aggregate_row(listing: Listing, candle: Candle, *, time_ms: int) -> dict[str, Any]:
    """As REST has it: `t` is the beginning."""
    price = listing.price
    return {
        "v": candle.volume, "vw": _vwap(listing, candle), "o": price(candle.open), "c": price(candle.close),
        "h": price(candle.high), "l": price(candle.low), "t": time_ms, "n": candle.trade_count,
    }  # fmt: skip


def trade_row(listing: Listing, each: Print) -> dict[str, Any]:
    event = trade(listing, each)
    return {
        "conditions": event["c"], "exchange": event["x"], "id": event["i"], "participant_timestamp": each.ts,
        "price": each.price, "sequence_number": event["q"], "sip_timestamp": each.ts, "size": each.size,
        "tape": event["z"],
    }  # fmt: skip


def _vwap(listing: Listing, candle: Candle) -> float:
    return round(candle.turnover / max(candle.volume, 1) / listing.ticks_per_point, 4)


def _exchange(listing: Listing) -> int:
    return _EXCHANGES.get(listing.exchange_code, 4)


def _tape(listing: Listing) -> int:
    return _TAPES.get(listing.exchange_code, 2)


def wrong_kind(frame: bytes, rng: random.Random) -> bytes:
    """Well formed, but a text where a price belongs."""
    return msgspec.json.encode([{"ev": "T", "sym": "SPY", "p": "much", "s": None, "t": "now"}])


DAMAGES: tuple[Damage, ...] = (cut_short, wrong_kind)
