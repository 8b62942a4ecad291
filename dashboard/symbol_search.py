"""Finds symbols by what people type, each with where it can be traded, which feed has it, or why not."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db.models import Q

from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from dashboard.catalogue import Known, known_symbols
from dashboard.market import believed
from engine.errors import InvalidInput
from engine.instruments.catalog import asset_class_of, normalize_symbol
from engine.instruments.instrument import AssetClass
from marketdata.models import FeedSource
from marketdata.selectors import FeedStatus, SymbolState, feed_statuses, symbol_states, wanted_pairs
from marketdata.universe.carried import Carried, carried
from strategies.config import DAILY_OPTIONS
from strategies.models import Ticker

MOST = 20
LONGEST = 64
PAPER = "paper"
NEVER = 9  # rank of what does not match

Row = dict[str, Any]


def search(text: str, *, limit: int = MOST) -> Row:
    """The best matches first: the symbol itself, symbols that begin so, then names. `problem` says why there are none.
    What is spelt like a symbol is found though no list has it."""
    asked = text.strip()
    if not asked or len(asked) > LONGEST:
        raise InvalidInput(f"q: 1 to {LONGEST} characters were expected, found {len(asked)}", field="q")
    spelt, problem = _spelt(asked)
    found = _matches(asked, spelt)
    return {
        "q": asked,
        "count": len(found),
        "results": _rows(found[:limit]),
        "problem": "" if found else problem or f"Nothing is known by {asked!r}.",
    }


def _spelt(asked: str) -> tuple[str, str]:
    """(the symbol it spells, why it is none)."""
    try:
        return normalize_symbol(asked), ""
    except InvalidInput as error:
        return "", error.detail


def _matches(asked: str, spelt: str) -> list[Known]:
    known = known_symbols()
    wanted = asked.upper()
    ranks = {each: rank for each in known.values() if (rank := _rank(each, wanted, spelt)) < NEVER}
    found = sorted(ranks, key=lambda each: (ranks[each], len(each.symbol), each.symbol))
    if spelt and spelt not in known and _is_told(spelt, found):
        found.insert(0, Known(spelt, "", asset_class_of(spelt)))
    return found


def _rank(known: Known, wanted: str, spelt: str) -> int:
    symbol, name = known.symbol, known.name.upper()
    bare = wanted.removeprefix("/").removeprefix("$")
    tests = (
        symbol in (wanted, spelt),
        symbol.lstrip("/") == bare,
        name == wanted,
        symbol.lstrip("/").startswith(bare),
        wanted in name.split(),
        name.startswith(wanted) or f" {wanted}" in name,
        wanted in name,
    )
    return next((rank for rank, is_met in enumerate(tests) if is_met), NEVER)


def _is_told(symbol: str, found: list[Known]) -> bool:
    """Whether a symbol that no list has is worth a line: letters alone are the beginning of many."""
    return not found or asset_class_of(symbol) is not AssetClass.EQUITY


class _Scene(NamedTuple):
    """What is asked once for all rows."""

    accounts: list[tuple[str, str]]  # name, venue
    feeds: list[FeedStatus]
    carried: dict[str, Carried]
    wanted: dict[str, str]  # symbol → feed
    states: Mapping[str, SymbolState]
    tickers: dict[str, list[str]]


def _rows(found: list[Known]) -> list[Row]:
    scene = _scene([each.symbol for each in found])
    return [
        {
            "symbol": each.symbol,
            "name": each.name,
            "asset_class": each.asset_class,
            "venue": each.venue,
            "trade": _trade(each, scene),
            "feed": _feed(each, scene),
            "has_daily_options": each.symbol in DAILY_OPTIONS,
            "strategies": scene.tickers.get(each.symbol, []),
        }
        for each in found
    ]


def _scene(symbols: list[str]) -> _Scene:
    feeds = feed_statuses()
    sources = FeedSource.objects.filter(~Q(universe=""), is_enabled=True)
    tickers: dict[str, list[str]] = {}
    for symbol, strategy in Ticker.objects.filter(symbol__in=symbols).values_list("symbol", "strategy").distinct():
        tickers.setdefault(symbol, []).append(strategy)
    return _Scene(
        accounts=[(PAPER, PAPER), *BrokerAccount.objects.filter(enabled=True).values_list("name", "broker")],
        feeds=feeds,
        carried={source.name: carried(source) for source in sources},
        wanted={symbol: feed.name for feed in feeds if feed.is_enabled for symbol, _ in wanted_pairs(feed.name)},
        states={state.symbol: state for state in symbol_states(symbols)},
        tickers={symbol: sorted(names) for symbol, names in tickers.items()},
    )


def _trade(known: Known, scene: _Scene) -> Row:
    """Where it can be ordered; where nowhere, why not. `doubt` does not forbid: it is what the universe holds
    against it."""
    at, problems = [], []
    for name, broker in scene.accounts:
        problem = FEATURES[broker].asset_class_problem(known.asset_class)
        if problem:
            problems.append(problem)
        else:
            at.append(name)
    if known.asset_class is AssetClass.INDEX:
        problems = [f"An index itself cannot be bought{': its options can' if known.symbol in DAILY_OPTIONS else ''}."]
    return {"at": at, "problems": list(dict.fromkeys(problems)), "doubt": known.doubt}


def _feed(known: Known, scene: _Scene) -> Row:
    """Which feed has it and whether that may be believed; or why none has."""
    symbol = known.symbol
    told = scene.states[symbol]
    alive = {feed.name for feed in scene.feeds if feed.beat}
    if told.feed:
        state, reason = believed(told, is_alive=told.feed in alive)
        return {"name": told.feed, "state": state, "reason": reason}
    carrier = scene.wanted.get(symbol, "")
    if carrier:
        why = "tells nothing of it yet" if carrier in alive else "does not run"
        return {"name": carrier, "state": "unknown", "reason": f"the feed {carrier} is to carry it and {why}"}
    return {"name": "", "state": "none", "reason": _why_none(symbol, scene)}


def _why_none(symbol: str, scene: _Scene) -> str:
    if not any(feed.is_enabled for feed in scene.feeds):
        return "no feed is configured"
    for feed in scene.feeds:
        if symbol in feed.refused:
            return f"the feed {feed.name} does not get it: {feed.refused[symbol]}"
    for name, universe in scene.carried.items():
        if symbol in universe.polled:
            return f"the feed {name} asks for it from time to time: there is no stream"
        left_out = _excluded(symbol, universe)
        if left_out:
            return f"the universe of the feed {name} leaves it out: {left_out}"
    return "no feed carries it: a strategy's ticker or a feed's universe would"


def _excluded(symbol: str, universe: Carried) -> str:
    return next((each.reason for each in universe.excluded if each.symbol == symbol), "")


def symbols_of_interest(limit: int) -> list[str]:
    """What a viewer who chose nothing sees first: the symbols that strategies trade."""
    return list(dict.fromkeys(Ticker.objects.order_by("pk").values_list("symbol", flat=True)))[:limit]
