"""Alpaca's market data as it stands on the wire: the same events in JSON and in MessagePack."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.msgpack import Ext

from engine.model.time import NS_PER_MS, NS_PER_S, iso
from simulators.candles import Candle
from simulators.faults import Damage, cut_short
from simulators.listing import Listing
from simulators.tape import Print

ROUND_LOT = 1  # of the simulated market, whose minutes are priced by every print
_TIMESTAMP = -1  # MessagePack's own extension type


class Codec:
    """JSON text, or MessagePack in which times are timestamps."""

    def __init__(self, *, is_binary: bool) -> None:
        self.is_binary = is_binary
        self._encode = msgspec.msgpack.Encoder().encode if is_binary else msgspec.json.Encoder().encode

    def frame(self, events: Sequence[Mapping[str, Any]]) -> bytes:
        """Events, whose `t` is UTC ns, as one array."""
        moment = _stamp if self.is_binary else rfc3339
        return self._encode([{**each, "t": moment(each["t"])} if "t" in each else dict(each) for each in events])

    def read(self, message: bytes) -> Any:
        """What a client said; `msgspec.DecodeError` where it cannot be read."""
        return msgspec.msgpack.decode(message) if self.is_binary else msgspec.json.decode(message)


def rfc3339(ts: int) -> str:
    """ "2026-11-20T15:00:20.1234Z": nanoseconds without the zeros at their end, as Go prints them."""
    text = iso(ts)[:-1].rstrip("0").rstrip(".")
    return f"{text}Z"


def _stamp(ts: int) -> Ext:
    seconds, nanos = divmod(ts, NS_PER_S)
    return Ext(_TIMESTAMP, (nanos << 34 | seconds).to_bytes(8, "big"))


def conditions(listing: Listing, each: Print) -> list[str]:
    """Sale conditions of the tape: regular, outside regular hours, odd lot."""
    found = ["@"] if each.is_regular else ["@", "T"]
    return [*found, "I"] if each.size < ROUND_LOT else found


def tape_of(listing: Listing) -> str:
    """A: listed in New York, C: at Nasdaq, B: elsewhere."""
    return {"N": "A", "Q": "C"}.get(listing.exchange_code, "B")


def trade(listing: Listing, each: Print) -> dict[str, Any]:
    return {
        "T": "t", "S": listing.symbol, "i": each.ordinal + 1, "x": listing.exchange_code, "p": each.price,
        "s": each.size, "c": conditions(listing, each), "t": each.ts, "z": tape_of(listing),
    }  # fmt: skip


def quote(listing: Listing, each: Print) -> dict[str, Any]:
    return {
        "T": "q", "S": listing.symbol, "bx": listing.exchange_code, "bp": each.bid, "bs": each.bid_size,
        "ax": listing.exchange_code, "ap": each.ask, "as": each.ask_size, "c": ["R"], "t": each.ts,
        "z": tape_of(listing),
    }  # fmt: skip


def bar(listing: Listing, candle: Candle, *, kind: str, ts: int | None = None) -> dict[str, Any]:
    """`kind`: b(ar), u(pdated), d(aily). `t` is the beginning."""
    price = listing.price
    return {
        "T": kind, "S": listing.symbol, "o": price(candle.open), "h": price(candle.high), "l": price(candle.low),
        "c": price(candle.close), "v": candle.volume, "n": candle.trade_count,
        "vw": round(candle.turnover / max(candle.volume, 1) / listing.ticks_per_point, 6),
        "t": candle.time * NS_PER_MS if ts is None else ts,
    }  # fmt: skip


def correction(listing: Listing, each: Print, *, price: float, size: int, ts: int) -> dict[str, Any]:
    marks = conditions(listing, each)
    return {
        "T": "c", "S": listing.symbol, "x": listing.exchange_code, "oi": each.ordinal + 1, "op": each.price,
        "os": each.size, "oc": marks, "ci": each.ordinal + 1_000_000, "cp": price, "cs": size, "cc": marks, "t": ts,
        "z": tape_of(listing),
    }  # fmt: skip


def cancel(listing: Listing, each: Print, *, ts: int) -> dict[str, Any]:
    return {
        "T": "x", "S": listing.symbol, "i": each.ordinal + 1, "x": listing.exchange_code, "p": each.price,
        "s": each.size, "a": "C", "t": ts, "z": tape_of(listing),
    }  # fmt: skip


def status(listing: Listing, *, is_halted: bool, ts: int) -> dict[str, Any]:
    """The codes are those of the tape."""
    tape = tape_of(listing)
    code = ("H" if is_halted else "T") if tape == "C" else ("2" if is_halted else "3")
    message = "Trading Halt" if is_halted else "Trading Resumption"
    return {
        "T": "s", "S": listing.symbol, "sc": code, "sm": message, "rc": "T1" * is_halted, "rm": "News" * is_halted,
        "t": ts, "z": tape,
    }  # fmt: skip


def wrong_kind(frame: bytes, rng: random.Random) -> bytes:
    """Well formed, but a text where a price belongs."""
    event = {"T": "t", "S": "SPY", "i": 1, "x": "P", "p": "much", "s": 1, "c": [], "t": "now", "z": "B"}
    is_json = frame[:1] == b"["
    return msgspec.json.encode([event]) if is_json else msgspec.msgpack.encode([event])


DAMAGES: tuple[Damage, ...] = (cut_short, wrong_kind)
