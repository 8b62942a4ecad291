"""What a running feed tells of itself: states by symbol and timeframe, facts, the heartbeat, metrics."""

import time
from itertools import islice
from typing import Any

import msgspec
from prometheus_client import Counter
from redis.exceptions import ResponseError

from engine.model.time import NS_PER_MS, NS_PER_S
from infra import codec, metrics
from infra.pacing import a_few_at_a_time
from infra.redis import keys
from infra.redis.client import AsyncRedis
from infra.redis.streams import Wire, pack
from marketdata.feeds.clock import VenueClock
from marketdata.feeds.facts import SymbolFacts
from marketdata.feeds.movers import MoverWatch
from marketdata.feeds.past import Past
from marketdata.feeds.registry import Feed
from marketdata.feeds.truth import FRESH, TruthGate, Verdict
from marketdata.publisher import Publisher
from marketdata.recording.recorder import Recorder
from marketdata.unread import UnreadWatch

HEARTBEAT_TTL_S = 10
METRICS_TTL_S = 30
MOVERS_KEPT = 500
STATE_TTL_S = 30  # a feed that was killed vouches for nothing
_EVERY = 4  # a state that has not changed is written again every so many times, for its times of receipt
BEHIND_TOLD = 10
REFUSED_TOLD = 100  # symbols by name; there may be thousands beyond a limit


class Counts(msgspec.Struct):
    """What the feed's loop has done so far."""

    frames: int = 0
    ticks: int = 0
    gaps: int = 0
    entries: int = 0
    alerts: int = 0
    clock_apart: bool = False


class Report:
    """Writes what is to be known about one feed, about once a second."""

    def __init__(
        self,
        client: AsyncRedis,
        feed: Feed,
        *,
        publisher: Publisher,
        truth: TruthGate,
        clock: VenueClock,
        past: Past,
        unread: UnreadWatch,
        recorder: Recorder | None,
    ) -> None:
        self.counts = Counts()
        self.facts: dict[tuple[str, str], SymbolFacts] = {}
        self.movers = MoverWatch()
        self._wire = Wire(client)
        self._feed = feed
        self._publisher = publisher
        self._truth = truth
        self._clock = clock
        self._past = past
        self._unread = unread
        self._recorder = recorder
        self._round = 0
        self._told: dict[str, Verdict] = {}
        self._counted: dict[Counter, int] = {}

    async def tell(self, *, is_last: bool = False) -> None:
        """States, facts and the heartbeat: of work done, never of merely being alive. What is told last stays."""
        facts, self.facts = self.facts, {}
        feed = self._feed.name
        self._round += 1
        requests = await self._states(is_last=is_last)
        for (symbol, kind), found in facts.items():
            if found.values:
                fields = [part for pair in found.values.items() for part in pair]
                requests.append(pack("HSET", keys.facts(symbol, kind), *fields))
        requests += [
            pack("XADD", keys.movers(), "MAXLEN", "~", MOVERS_KEPT, "*", *("e", codec.encode(found), "feed", feed))
            for found in self.movers.take()
        ]
        requests.append(
            pack("SETEX", keys.heartbeat(f"feed:{feed}"), HEARTBEAT_TTL_S, msgspec.json.encode(self.status()))
        )
        if self._round % _EVERY == 1:
            requests.append(pack("SETEX", keys.metrics(f"feed:{feed}"), METRICS_TTL_S, metrics.exposition()))
        async for few in a_few_at_a_time(requests):
            for reply in await self._wire.send(few):
                if isinstance(reply, ResponseError):
                    raise reply
        self._count()

    async def _states(self, *, is_last: bool) -> list[bytes]:
        """What is new of the symbols' states, and a share of the others."""
        requests: list[bytes] = []
        timeframes = self._publisher.timeframes
        if len(self._told) != len(self._truth.verdicts):
            self._told = {}
        async for part in a_few_at_a_time(enumerate(self._truth.verdicts.items())):  # prints are waiting
            for number, (symbol, verdict) in part:
                if self._told.get(symbol) == verdict and (number + self._round) % _EVERY and not is_last:
                    continue
                self._told[symbol] = verdict
                fields = self._state_of(symbol, verdict, timeframes.get(symbol, ()))
                key = keys.feed_state(symbol)
                requests.append(pack("HSET", key, *fields))
                requests.append(pack("PERSIST", key) if is_last else pack("EXPIRE", key, STATE_TTL_S))
        return requests

    async def close(self) -> None:
        await self._wire.close()

    def status(self) -> dict[str, Any]:
        """What the heartbeat says."""
        states = [verdict.state for verdict in self._truth.verdicts.values()]
        feed, publisher, counts, offset = self._feed, self._publisher, self.counts, self._clock.offset
        return {
            "ts": time.time_ns(),
            "feed": feed.name,
            "is_connected": feed.is_connected,
            "last_error": feed.last_error,
            "symbols": len(feed.symbols),
            "refused": dict(islice(getattr(feed, "refused", {}).items(), REFUSED_TOLD)),
            "pairs": len(publisher.pairs),
            "fresh": states.count(FRESH),
            "frames": counts.frames,
            "ticks": counts.ticks,
            "bars": publisher.bars_made,
            "revised": publisher.revised,
            "repaired": self._past.repaired,
            "entries": counts.entries,
            "gaps": counts.gaps,
            "dropped": publisher.dropped,
            "late": publisher.late,
            "unread_share": round(self._unread.worst, 3),
            "unread_lost": self._unread.lost,
            "behind": [place.told for place in self._unread.behind[:BEHIND_TOLD]],
            "venue_ts": self._clock.now or 0,
            "clock_offset_ms": offset.ns / NS_PER_MS if offset else None,
            "clock_error_ms": offset.error_ns / NS_PER_MS if offset else None,
            "clock_apart": counts.clock_apart,
            "lag_buckets": metrics.buckets(metrics.FEED_LAG, feed.name),
        }

    def _state_of(self, symbol: str, verdict: Verdict, timeframes: list[str] | tuple[()]) -> list[str | int | float]:
        tick = self._publisher.last_tick.get(symbol)
        times = (tick.ts, tick.ts_recv) if tick else (0, 0)
        feed = self._feed
        by_timeframe = {
            timeframe: {"state": state, "reason": reason}
            for timeframe, (state, reason) in self._truth.by_timeframe(symbol, timeframes).items()
        }
        return [
            *("feed", feed.name, "state", verdict.state, "reason", verdict.reason, "since", verdict.since),
            *("venue_symbol", feed.symbols.get(symbol, symbol), "last_recv", feed.last_received(symbol)),
            *("last_tick_ts", times[0], "last_tick_recv", times[1]),
            *("timeframes", msgspec.json.encode(by_timeframe).decode()),
        ]

    def _count(self) -> None:
        counts, publisher = self.counts, self._publisher
        counters = {
            metrics.FEED_FRAMES: counts.frames,
            metrics.FEED_TICKS: counts.ticks,
            metrics.FEED_BARS: publisher.bars_made,
            metrics.FEED_REVISED: publisher.revised,
            metrics.FEED_REPAIRED: self._past.repaired,
            metrics.FEED_LATE: publisher.late,
            metrics.FEED_DROPPED: publisher.dropped,
            metrics.FEED_ENTRIES: counts.entries,
            metrics.FEED_GAPS: counts.gaps,
            metrics.FEED_ALERTS: counts.alerts,
            metrics.FEED_RECORDS_MISSED: self._recorder.missed if self._recorder is not None else 0,
            metrics.FEED_UNREAD_LOST: self._unread.lost,
            metrics.FEED_RECONNECTS: getattr(self._feed, "connects", 0),
        }
        for counter, value in counters.items():
            counter.labels(self._feed.name).inc(max(0, value - self._counted.get(counter, 0)))
            self._counted[counter] = value
        states = [verdict.state for verdict in self._truth.verdicts.values()]
        if self._recorder is not None:
            metrics.FEED_RECORDER_BEHIND.labels(self._feed.name).set(self._recorder.is_behind)
        if self._clock.offset is not None:
            metrics.FEED_CLOCK_OFFSET.labels(self._feed.name).set(self._clock.offset.ns / NS_PER_S)
        metrics.FEED_UNREAD.labels(self._feed.name).set(self._unread.worst)
        metrics.FEED_NOT_FRESH.labels(self._feed.name).set(len(states) - states.count(FRESH))
