"""Reads what feeds tell about themselves and their symbols: from Redis, for pages, API and health."""

import time
from typing import Any, NamedTuple, cast

import msgspec
from django.conf import settings

from engine.model.signals import MoverDetected
from infra import codec
from infra.redis import keys
from infra.redis.client import SyncRedis, sync_client
from infra.redis.leases import holder
from marketdata.feed_lines import limits_of
from marketdata.feeds.limits import FeedLimits
from marketdata.feeds.runner import LEASE_KIND
from marketdata.models import FeedSource


class FeedStatus(msgspec.Struct, frozen=True):
    """One feed as it is now; `owner` is the process that runs it, empty where none does. `beat` is its heartbeat."""

    name: str
    kind: str
    is_enabled: bool
    is_default: bool
    owner: str
    beat: dict[str, Any]
    limits: FeedLimits = FeedLimits()

    @property
    def is_running(self) -> bool:
        return bool(self.owner and self.beat)

    @property
    def refused(self) -> dict[str, str]:
        """Symbols that it does not get, with why."""
        return dict(self.beat.get("refused", {}))

    @property
    def carried(self) -> int:
        """How many symbols it does get, as far as its vendor has them."""
        return int(self.beat.get("symbols", 0)) - len(self.refused)


class TimeframeState(msgspec.Struct, frozen=True):
    """The same for one timeframe: after a gap it is gapped until it has a whole bar again."""

    state: str = "unknown"
    reason: str = ""


class SymbolState(msgspec.Struct, frozen=True):
    """Whether a symbol's data may be believed: `state` is fresh, stale, gapped, suspect, or unknown."""

    symbol: str
    state: str = "unknown"
    reason: str = ""
    feed: str = ""
    venue_symbol: str = ""
    since: int = 0
    last_recv: int = 0
    last_tick_ts: int = 0
    last_tick_recv: int = 0
    timeframes: dict[str, TimeframeState] = {}


def feed_statuses() -> list[FeedStatus]:
    """Every configured feed."""
    client = sync_client(settings.REDIS_URL)
    return [_status(client, source) for source in FeedSource.objects.all()]


def wanted_pairs(feed: str) -> list[tuple[str, str]]:
    """What a feed has been told to carry, sorted."""
    members = cast("set[str]", sync_client(settings.REDIS_URL).smembers(keys.wanted(feed)))
    return sorted((symbol, timeframe) for symbol, _, timeframe in (each.rpartition("|") for each in members))


def symbol_states(symbols: list[str]) -> list[SymbolState]:
    """The truth gate's word on each symbol, in the given order."""
    with sync_client(settings.REDIS_URL).pipeline(transaction=False) as pipe:
        for symbol in symbols:
            pipe.hgetall(keys.feed_state(symbol))
        found = cast("list[dict[str, str]]", pipe.execute())
    return [
        msgspec.convert({**_opened(fields), "symbol": symbol}, type=SymbolState, strict=False)
        for symbol, fields in zip(symbols, found, strict=True)
    ]


def all_symbol_states() -> list[SymbolState]:
    """Every symbol that a feed has reported, by name."""
    prefix = keys.feed_state("")
    found = sync_client(settings.REDIS_URL).scan_iter(match=keys.feed_state("*"), count=1_000)
    return symbol_states(sorted(str(key).removeprefix(prefix) for key in found))


def carried_symbol_states() -> list[SymbolState]:
    """The same for every symbol that a feed is to carry: unknown where no feed tells of it."""
    told = {state.symbol: state for state in all_symbol_states()}
    feeds = FeedSource.objects.filter(is_enabled=True).values_list("name", flat=True)
    wanted = {symbol: feed for feed in feeds for symbol, _ in wanted_pairs(feed)}
    missing = {symbol: SymbolState(symbol, feed=feed) for symbol, feed in wanted.items() if symbol not in told}
    return sorted([*told.values(), *missing.values()], key=lambda state: state.symbol)


class MoverFound(NamedTuple):
    """A mover, and the feed that found it."""

    event: MoverDetected
    feed: str


def movers(*, kind: str = "", feed: str = "", since_s: float = 300.0, limit: int = 100) -> list[MoverFound]:
    """The newest first: the last of each symbol and kind that feeds, or that `feed` alone, found within the last
    `since_s`."""
    since_ms = int((time.time() - since_s) * 1_000)
    client = sync_client(settings.REDIS_URL)
    entries = cast("list[tuple[str, dict[str, str]]]", client.xrevrange(keys.movers(), "+", since_ms))
    found: dict[tuple[str, str], MoverFound] = {}
    for _, fields in entries:
        event, by = codec.decode(fields["e"]), fields.get("feed", "")
        if isinstance(event, MoverDetected) and kind in ("", event.mover) and feed in ("", by):
            found.setdefault((event.symbol, event.mover), MoverFound(event, by))
    return list(found.values())[:limit]


def _opened(fields: dict[str, str]) -> dict[str, Any]:
    """A field that holds JSON, as what it holds."""
    return {**fields, "timeframes": msgspec.json.decode(fields.get("timeframes", "{}"))}


def _status(client: SyncRedis, source: FeedSource) -> FeedStatus:
    held = holder(client, LEASE_KIND, source.name)
    beat = cast("str | None", client.get(keys.heartbeat(f"feed:{source.name}")))
    return FeedStatus(
        source.name,
        source.kind,
        source.is_enabled,
        source.is_default,
        held.owner if held else "",
        msgspec.json.decode(beat) if beat else {},
        limits_of(source),
    )
