"""Minutes of which a venue said nothing: its history says whether they were quiet or we were not told."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from engine.model.market import Bar, FeedGap
from infra.backoff import Backoff
from marketdata.feeds.errors import FeedError, FeedUnauthorized
from marketdata.feeds.streaming.minutes import Hole, Loss
from marketdata.feeds.streaming.track import SymbolTrack

logger = logging.getLogger(__name__)

_SHARE = 0.25  # of the requests that the venue allows: others want history too
_AT_LEAST_S = 1.0
_SETTLE_S = 2.0  # a minute that just ended needs a moment to be in the history


class _Waiting(NamedTuple):
    hole: Hole
    due: float  # monotonic


class Vouching:
    """Looks holes up, one at a time: however many symbols trade rarely, each waits its turn, and the holes of a symbol
    are one request. `losses` are those it found, to be told with the next frame. While the history of a symbol does not
    answer, `doubts` says so. A venue that refuses us its history is not asked again on this connection."""

    def __init__(
        self,
        name: str,
        tracks: Mapping[str, SymbolTrack],
        ask: Callable[[str, int, int], Awaitable[list[Bar]]],
        *,
        requests_per_minute: int,
    ) -> None:
        """`ask` for the minutes of our symbol with start < ts ≤ end."""
        self.losses: list[FeedGap] = []
        self.doubts: dict[str, str] = {}  # our symbol → why nobody vouches for its prints
        self._name = name
        self._tracks = tracks
        self._ask = ask
        self._pause_s = max(_AT_LEAST_S, 60.0 / (requests_per_minute * _SHARE))
        self._waiting: dict[str, _Waiting] = {}  # by the venue's names
        self._backoffs: dict[str, Backoff] = {}

    def add(self, venue_name: str, hole: Hole) -> None:
        self._wait(venue_name, hole, _SETTLE_S)

    def _wait(self, venue_name: str, hole: Hole, delay_s: float) -> None:
        """Look it up then; with what waits already, when that is due."""
        present, due = self._waiting.get(venue_name), time.monotonic() + delay_s
        if present is not None:
            hole, due = hole.with_(present.hole), present.due
        self._waiting[venue_name] = _Waiting(hole, due)

    async def run(self) -> None:
        """For as long as one connection lasts."""
        while True:
            await asyncio.sleep(self._pause_s)
            now = time.monotonic()
            due = next((name for name, each in self._waiting.items() if each.due <= now), None)
            if due is not None and not await self._look(due):
                return

    async def _look(self, venue_name: str) -> bool:
        """False where it makes no sense to go on."""
        hole = self._waiting.pop(venue_name).hole
        track = self._tracks.get(venue_name)
        if track is None:
            return True  # nobody wants it any more
        try:
            bars = await self._ask(track.name, hole.since, hole.until)
        except FeedUnauthorized as error:
            logger.warning("%s: losses that only history shows stay unseen: %s", self._name, error.detail)
            self.doubts.clear()
            track.ledger.vouched(hole)
            return False
        except FeedError as error:
            self.doubts[track.name] = f"{self._name}: nobody vouches for its prints: {error.detail}"
            delay_s = self._backoffs.setdefault(venue_name, Backoff(base_s=2.0, cap_s=300.0)).next_delay()
            self._wait(venue_name, hole, delay_s)
            return True
        self.doubts.pop(track.name, None)
        self._backoffs.pop(venue_name, None)
        found = [loss for bar in bars if (loss := track.ledger.missing(bar.ts_open, 0, bar.volume)) is not None]
        track.ledger.vouched(hole)
        if found:
            traded, received = sum(loss.traded for loss in found), sum(loss.received for loss in found)
            whole = Loss(found[0].since, found[-1].until, 0, traded, received)
            self.losses.append(FeedGap(whole.until, track.name, f"{self._name}: {whole}", since=whole.since))
        return True
