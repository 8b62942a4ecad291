"""A chain in words and rows: what is shown around the money, what is old, and what would be chosen now and why."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec

from engine.errors import FortifiedError
from engine.instruments.sessions import is_half_day, new_york
from engine.model.market import NAN
from engine.model.time import NS_PER_MS, NS_PER_S
from engine.options.atm import choose_atm, option_hours
from engine.options.chain import ChainEntry, OptionChain
from engine.options.rules import ContractRules

Row = dict[str, Any]

STRIKES = 21
STALE_S = 15.0  # a price that is older is marked
_TOGETHER_NS = 5 * NS_PER_S  # quotes that are compared
_GREEKS = ("delta", "gamma", "theta", "vega", "volatility")
_SIDES = ((1, "call", "C"), (-1, "put", "P"))


FEED = "the feed"
PARITY = "put-call parity"


class Spot(NamedTuple):
    """The underlying's price (nan where nobody tells one), when it was told (UTC ns) and by whom. Strategies see what
    the feed tells; the others are for looking at."""

    price: float = NAN
    ts: int = 0
    by: str = ""


class Seen(NamedTuple):
    """What is known of a chain: `near` are the contracts around the money, with the newest quote of each."""

    chain: OptionChain | None
    near: tuple[ChainEntry, ...]
    streamed: frozenset[str]
    spot: Spot
    problem: str = ""
    asked: int = 0

    @classmethod
    def of(
        cls, chain: OptionChain | None, streamed: list[ChainEntry], *, spot: Spot, problem: str, asked: int
    ) -> "Seen":
        """`chain` with what came since laid over it."""
        if chain is None:
            return cls(None, (), frozenset(), spot, problem, asked)
        newer = {each.contract: each for each in streamed}
        entries = tuple(_newest(entry, newer.get(entry.contract)) for entry in chain.entries)
        newest = max((entry.ts for entry in entries), default=0)
        if spot.by != FEED:
            spot = max(spot, implied_spot(entries), key=lambda each: each.ts)
        whole = msgspec.structs.replace(chain, entries=entries, ts=max(newest, chain.ts))
        near = whole.near(spot.price, STRIKES) if spot.price == spot.price else entries[: 2 * STRIKES]
        by_itself = frozenset(entry.contract.symbol for entry in near if entry.contract in newer)
        return cls(whole, near, by_itself, spot, problem, asked)

    @property
    def is_streamed(self) -> bool:
        """Whether everything around the money comes by itself."""
        return all(entry.contract.symbol in self.streamed for entry in self.near)

    def is_stale(self, entry: ChainEntry, now: int) -> bool:
        """Whether a quote is old. One that streams and did not change is still true."""
        return entry.contract.symbol not in self.streamed and _is_old(entry.ts, now)


def _newest(entry: ChainEntry, newer: ChainEntry | None) -> ChainEntry:
    """The newer quote; what it does not tell stays."""
    if newer is None or newer.ts < entry.ts:
        return entry
    last = newer.last if newer.last == newer.last else entry.last
    return msgspec.structs.replace(newer, last=last, greeks=newer.greeks or entry.greeks)


def implied_spot(entries: Iterable[ChainEntry]) -> Spot:
    """What calls and puts say together: a strike and what its call costs more than its put, there where they cost
    about the same. Within one day interest and dividends hardly matter."""
    quoted = {(e.contract.strike, e.contract.right): e for e in entries if e.bid > 0 and e.ask > 0}
    calls = [each for each in quoted.values() if each.contract.right == "C"]
    pairs = [(call, put) for call in calls if (put := quoted.get((call.contract.strike, "P"))) is not None]
    newest = max((min(call.ts, put.ts) for call, put in pairs), default=0)
    found = [_parity(call, put) for call, put in pairs if min(call.ts, put.ts) > newest - _TOGETHER_NS]
    return min(found, key=lambda each: abs(each[0]))[1] if found else Spot()


def _parity(call: ChainEntry, put: ChainEntry) -> tuple[float, Spot]:
    """What the call costs more than the put, and the price that follows."""
    more = (call.bid + call.ask - put.bid - put.ask) / 2
    return more, Spot(round(float(call.contract.strike) + more, 2), min(call.ts, put.ts), PARITY)


def board_row(symbol: str, expiry: date, seen: Seen, *, rules: ContractRules, now: int, source: str) -> Row:
    """The chain as pages and the API show it. Times are UTC milliseconds; what is not known is null."""
    state, words = _state(symbol, expiry, seen, now)
    told_by = seen.chain.source if seen.chain is not None else ""
    if told_by.startswith("model"):
        words += " The prices are those of a model, not of a market."
    spot = seen.spot
    choices = [_choice(seen, right, target, rules, now) for target, right, _ in _SIDES]
    chosen = {choice["contract"] for choice in choices if not choice["refused"]}
    strikes = sorted({entry.contract.strike for entry in seen.near})
    by_place = {(entry.contract.strike, entry.contract.right): entry for entry in seen.near}
    is_priced = spot.price == spot.price
    money = min(strikes, key=lambda strike: abs(float(strike) - spot.price), default=None) if is_priced else None
    return {
        "kind": "chain",
        "symbol": symbol,
        "expiry": expiry.isoformat(),
        "source": source,
        "told_by": told_by,
        "state": state,
        "words": words,
        "problem": seen.problem,
        "now": now // NS_PER_MS,
        "asked_at": seen.asked // NS_PER_MS or None,
        "newest_at": seen.chain.ts // NS_PER_MS if seen.chain is not None else None,
        "listed": len(seen.chain.entries) if seen.chain is not None else 0,
        "streamed": len(seen.streamed),
        "spot": {
            "price": _known(spot.price), "at": spot.ts // NS_PER_MS or None, "by": spot.by,
            "is_stale": _is_old(spot.ts, now),
        },
        "choices": choices,
        "rows": [
            {
                "strike": float(strike),
                "is_at_the_money": strike == money,
                **{name: _side(by_place.get((strike, letter)), seen, chosen, now) for _, name, letter in _SIDES},
            }
            for strike in strikes
        ],
    }  # fmt: skip


def _side(entry: ChainEntry | None, seen: Seen, chosen: set[str | None], now: int) -> Row | None:
    if entry is None:
        return None
    greeks = {name: _known(getattr(entry.greeks, name)) if entry.greeks is not None else None for name in _GREEKS}
    return {
        "contract": entry.contract.symbol,
        "bid": _known(entry.bid),
        "ask": _known(entry.ask),
        "last": _known(entry.last),
        **greeks,
        "at": entry.ts // NS_PER_MS or None,
        "is_stale": seen.is_stale(entry, now),
        "is_streamed": entry.contract.symbol in seen.streamed,
        "is_chosen": entry.contract.symbol in chosen,
    }


def _choice(seen: Seen, right: str, target: int, rules: ContractRules, now: int) -> Row:
    """What a wish would buy now; `refused` says why nothing."""
    found: Row = {"right": right, "target": target, "contract": None, "reason": "", "refused": ""}
    if seen.chain is None:
        return {**found, "refused": seen.problem or "no chain has come"}
    if not seen.spot.price > 0:
        return {**found, "refused": "the underlying has no price"}
    if _is_old(seen.spot.ts, now):
        return {**found, "refused": "the underlying's price is old"}
    try:
        choice = choose_atm(msgspec.structs.replace(seen.chain, ts=now), spot=seen.spot.price, target=target)
    except FortifiedError as error:
        return {**found, "refused": error.detail}
    found |= {"contract": choice.contract.symbol, "reason": choice.reason}
    if seen.spot.by != FEED:
        return {**found, "refused": f"no feed tells the price of {seen.chain.underlying}, so no strategy sees one"}
    if not choice.entry.ask > 0:
        return {**found, "refused": f"nobody offers {choice.contract.symbol}"}
    return {**found, "refused": rules.too_old(seen.chain, now)}


def _state(symbol: str, expiry: date, seen: Seen, now: int) -> tuple[str, str]:
    hours = option_hours(symbol)
    day = f"{expiry:%a} {expiry.day} {expiry:%b}"
    if seen.chain is None:
        return "unknown", f"The chain of {symbol} for {day} is not known: {seen.problem or 'it was not told yet'}."
    if not seen.chain.entries:
        return "empty", f"{seen.chain.source or 'The source'} lists no options on {symbol} that expire on {day}."
    if not hours.is_open(now):
        opens = new_york(hours.session_open(now))
        return (
            "closed",
            f"No session is open. Shown is what expires on {day}, which trades from {opens:%H:%M} in New York.",
        )
    ends = min(entry.contract.last_trade for entry in seen.chain.entries)
    if ends <= now:
        return "closed", f"What expires on {day} stopped trading at {new_york(ends):%H:%M} in New York."
    return (
        "open",
        f"Expires today at {new_york(ends):%H:%M} in New York{', a half day' if is_half_day(expiry) else ''}.",
    )


def _is_old(ts: int, now: int) -> bool:
    return ts < now - STALE_S * NS_PER_S


def _known(value: float) -> float | None:
    return value if value == value else None
