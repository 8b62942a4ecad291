"""What the page of the market shows: quotes with whether they may be believed, and what moves."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from django.conf import settings

from dashboard.catalogue import names
from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, market_hours, normalize_symbol
from engine.instruments.instrument import AssetClass
from engine.model.numbers import finite
from engine.model.time import NS_PER_S, to_datetime
from infra.redis import keys
from infra.redis.client import sync_client
from marketdata.feeds.truth import FRESH
from marketdata.models import FeedSource
from marketdata.selectors import SymbolState, movers, symbol_states
from marketdata.truth_api import mover_row

MOST_SYMBOLS = 40
MOST_MOVERS = 30  # of each kind
_ALL = 1_000  # of both kinds, before they are told apart: more than feeds keep
WINDOWS = (1, 5, 15, 60, 240)  # minutes
OLD_AFTER_S = 60.0  # a price that came longer ago is not shown as if it were of now

Row = dict[str, Any]


class Watched(NamedTuple):
    """What one viewer looks at: quotes of `symbols`, and the movers that `feed` (empty: any) found in `minutes`."""

    symbols: tuple[str, ...]
    feed: str = ""
    minutes: int = 15


def watched(asked: Mapping[str, str]) -> Watched:
    """From `symbols` (between commas), `feed` and `minutes`; `InvalidInput` names what cannot be."""
    symbols = tuple(
        dict.fromkeys(normalize_symbol(each) for each in asked.get("symbols", "").split(",") if each.strip())
    )
    if len(symbols) > MOST_SYMBOLS:
        raise InvalidInput(f"symbols: at most {MOST_SYMBOLS} were expected, found {len(symbols)}", field="symbols")
    feed = asked.get("feed", "")
    if feed and feed not in (known := feed_names()):
        raise InvalidInput(f"feed: one of {', '.join(known) or 'none'} was expected, found {feed!r}", field="feed")
    minutes = asked.get("minutes", "") or "15"
    if minutes not in [str(each) for each in WINDOWS]:
        told = ", ".join(str(each) for each in WINDOWS)
        raise InvalidInput(f"minutes: one of {told} was expected, found {minutes!r}", field="minutes")
    return Watched(symbols, feed, int(minutes))


def feed_names() -> list[str]:
    """Every configured feed."""
    return list(FeedSource.objects.values_list("name", flat=True))


def mover_rows(seen: Watched) -> Row:
    """Fast and slow ones, the newest first."""
    found = movers(feed=seen.feed, since_s=seen.minutes * 60.0, limit=_ALL)
    rows = [{**mover_row(each), "name": _name(each.event.symbol)} for each in found]
    by_kind = {kind: [row for row in rows if row["mover"] == kind][:MOST_MOVERS] for kind in ("fast", "slow")}
    return {"kind": "movers", "feed": seen.feed, "minutes": seen.minutes, **by_kind}


def quote_rows(symbols: Sequence[str]) -> Row:
    """Last price, bid and ask of each, what its feed says of it, and how old that is by our clock."""
    client = sync_client(settings.REDIS_URL)
    states = symbol_states(list(symbols))
    with client.pipeline(transaction=False) as pipe:
        for state in states:
            pipe.hgetall(keys.quote(state.symbol))
            pipe.exists(keys.heartbeat(f"feed:{state.feed}"))
        found = pipe.execute()
    now = time.time_ns()
    rows = [
        _row(state, quote, now, is_alive=bool(alive))
        for state, quote, alive in zip(states, cast("list[dict[str, str]]", found[0::2]), found[1::2], strict=True)
    ]
    return {"kind": "quotes", "at": _moment(now - now % NS_PER_S), "quotes": rows}


def believed(state: SymbolState, *, is_alive: bool) -> tuple[str, str]:
    """(state, reason) of a symbol: the word of a feed that gives no sign of life is not taken."""
    if not state.feed:
        return "unknown", "no feed tells of it"
    if state.state == FRESH and not is_alive:
        return "unknown", f"the feed {state.feed} gives no sign of life"
    return state.state, state.reason


def _row(state: SymbolState, quote: Mapping[str, str], now: int, *, is_alive: bool) -> Row:
    word, reason = believed(state, is_alive=is_alive)
    asset_class = asset_class_of(state.symbol)
    if quote and not state.feed and asset_class is AssetClass.OPTION:  # ends by itself: it is there while it is young
        word, reason = FRESH, "the bid, told by the trader that holds it"
    last, bid, ask = (_number(quote.get(name)) for name in ("last", "bid", "ask"))
    printed, quoted = (int(float(quote.get(name) or 0)) for name in ("ts", "quote_ts"))
    came = int(float(quote.get("ts_recv") or printed))
    age_s = max(now - came, 0) / NS_PER_S if came else None
    opens_at = _opens_at(state.symbol, now)
    is_old = word != FRESH or age_s is None or age_s > OLD_AFTER_S
    return {
        "symbol": state.symbol,
        "name": _name(state.symbol),
        "asset_class": asset_class,
        "state": word,
        "reason": reason or (_why_old(age_s, opens_at) if is_old else ""),
        "opens_at": _moment(opens_at),
        "feed": state.feed,
        "last": last,
        "size": _number(quote.get("size")),
        "last_at": _moment(printed),
        "age_s": None if age_s is None else int(age_s),
        "is_old": is_old,
        "bid": bid,
        "ask": ask,
        # By the venue's clock, too: prints may go on while quotes have stopped.
        "is_quote_old": word != FRESH or max(now - state.last_recv, printed - quoted) > OLD_AFTER_S * NS_PER_S,
        "timeframes": list(state.timeframes),
    }


def _why_old(age_s: float | None, opens_at: int) -> str:
    """Why a symbol that its feed vouches for has no new price."""
    if opens_at:
        return "the market is closed"
    return "no print yet" if age_s is None else "no print for a while"


def _opens_at(symbol: str, now: int) -> int:
    """When its regular hours begin again; 0 while they last."""
    opened = market_hours(symbol)(now).open
    return opened if opened > now else 0


def _name(symbol: str) -> str:
    return names().get(symbol, "")


def _number(text: str | None) -> float | None:
    """None for what is absent or no number."""
    return finite(float(text)) if text else None


def _moment(ts: int) -> str | None:
    return to_datetime(ts).isoformat(timespec="milliseconds") if ts else None
