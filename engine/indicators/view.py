"""Scanned columns, read as of one bar: the bars after it cannot be seen."""

import math
from collections.abc import Iterable

from engine.errors import InvalidInput, NotFound
from engine.indicators.frame import LookAhead
from engine.indicators.graph import plan
from engine.indicators.scan import Floats
from engine.indicators.spec import Spec, parse
from engine.indicators.table import ColumnCache


class AsOfView:
    """The reading side of `IndicatorFrame` over whole columns, at a bar that only moves forward.

    Before the first `advance` nothing is known.
    """

    def __init__(self, cache: ColumnCache, specs: Iterable[str | Spec]) -> None:
        self.plan = plan(specs)
        cache.want(self.plan.requested)
        self._arrays = {spec: cache.column(spec) for spec in self.plan.requested}
        self._spelled: dict[str | Spec, Floats] = {**self._arrays}  # type: ignore[dict-item]
        self._length = min((len(array) for array in self._arrays.values()), default=0)
        self.bars = 0

    @property
    def warmup(self) -> int:
        """Bars needed until every requested spec is ready."""
        return self.plan.warmup

    def advance(self, bars: int = 1) -> None:
        """Move on by that many bars; back or past the end is refused."""
        if bars < 0 or self.bars + bars > self._length:
            raise InvalidInput(f"Cannot move {bars} bars from bar {self.bars} of {self._length}", field="bars")
        self.bars += bars

    def __getitem__(self, spec: str | Spec) -> float:
        return self.previous(spec, 0)

    def previous(self, spec: str | Spec, bars_ago: int = 1) -> float:
        """The value that many bars before the current one; nan before the first bar."""
        if bars_ago < 0:
            raise LookAhead(f"{spec} {-bars_ago} bars ahead of the current bar cannot be known", field="bars_ago")
        array = self._spelled.get(spec)
        if array is None:
            array = self._find(spec)
        at = self.bars - 1 - bars_ago
        return float(array[at]) if at >= 0 else math.nan

    def is_ready(self, spec: str | Spec) -> bool:
        """Whether the current value of `spec` is warm."""
        self._find(spec)
        return self.bars >= self.plan.ready(parse(spec))

    def _find(self, spec: str | Spec) -> Floats:
        found = self.plan.find(parse(spec))
        if found is None:
            raise NotFound(f"{parse(spec)} was not requested. Requested: {', '.join(map(str, self._arrays))}")
        self._spelled[spec] = self._arrays[found]
        return self._arrays[found]
