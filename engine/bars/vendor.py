"""One symbol's bars that the vendor makes: passed on as they come, and put together to coarser ones."""

from collections.abc import Iterable

import msgspec

from engine.bars.aggregators import Aggregator, PassThrough
from engine.bars.builder import NEVER
from engine.bars.compose import Composer, ComposerState, base_of
from engine.bars.timeframe import canonical
from engine.model.market import Bar, PartialBar


class VendorBars:
    """`passed` are the timeframes of which the vendor sends bars. What leaves has no number yet."""

    def __init__(self, symbol: str, *, passed: frozenset[str], source: str) -> None:
        self._symbol = symbol
        self._passed = passed
        self._source = source
        self._known: dict[str, PassThrough] = {}
        self._composers: dict[str, Composer] = {}

    @property
    def makes(self) -> frozenset[str]:
        """The timeframes whose bars come from here, and not from prints."""
        return self._passed | self._composers.keys()

    @property
    def due(self) -> int:
        """The ts at which time ends something."""
        return min((composer.due for composer in self._composers.values()), default=NEVER)

    @property
    def is_composing(self) -> bool:
        return bool(self._composers)

    def insert(self, aggregator: Aggregator) -> None:
        """A timeframe is wanted: where it can be put together, it will be."""
        timeframe = aggregator.timeframe
        base = None if timeframe.text in self._passed else base_of(timeframe, self._passed)
        if base is not None:
            self._composers[timeframe.text] = Composer(aggregator, base, symbol=self._symbol, source=self._source)

    def remove(self, timeframe: str) -> None:
        self._composers.pop(timeframe, None)

    def on_bar(self, bar: Bar) -> list[Bar]:
        """The vendor's bar, "revised" if it changes one given before, then the coarser ones that it ends or changes."""
        timeframe = canonical(bar.timeframe)
        quality = self._known.setdefault(timeframe, PassThrough()).quality(bar)
        if quality is None:
            return []
        passed = msgspec.structs.replace(bar, timeframe=timeframe, quality=quality)
        composed = [each.add(bar) for each in self._in_order() if each.base == timeframe]
        return [passed, *(made for bars in composed for made in bars)]

    def on_time(self, ts: int, ts_recv: int) -> list[Bar]:
        return [bar for each in self._in_order() for bar in each.on_time(ts, ts_recv)]

    def partials(self, ts_recv: int) -> list[PartialBar]:
        """One per coarser timeframe that moved since the last call."""
        found = [each.partial(ts_recv) for each in self._in_order()]
        return [partial for partial in found if partial is not None]

    def lose(self) -> None:
        for composer in self._composers.values():
            composer.lose()

    def doubt(self, since: int) -> list[Bar]:
        return [bar for each in self._in_order() for bar in each.doubt(since)]

    def states(self) -> dict[str, ComposerState]:
        return {timeframe: composer.state for timeframe, composer in self._composers.items()}

    def restore(self, states: dict[str, ComposerState]) -> None:
        for timeframe, composer in self._composers.items():
            composer.state = states.get(timeframe) or ComposerState()

    def _in_order(self) -> Iterable[Composer]:
        return sorted(self._composers.values(), key=lambda each: each.timeframe.order)
