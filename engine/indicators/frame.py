"""Indicator columns that grow one bar at a time, at a constant cost a bar."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from engine.errors import FortifiedError, InvalidInput, NotFound, SnapshotIncompatible
from engine.indicators.generate import make_appender
from engine.indicators.graph import plan
from engine.indicators.spec import Spec, parse

DAY_NS = 86_400_000_000_000
DEFAULT_LENGTH = 1024


class LookAhead(FortifiedError):
    """A value of the future was asked for."""

    code = "look_ahead"


def utc_date(ts: int) -> int:
    """The session of a bar that closes at `ts` where nobody says better: the UTC day, midnight's close included."""
    return (ts - 1) // DAY_NS


class IndicatorFrame:
    """The requested indicators of one symbol and timeframe.

    Feed it completed bars in order with `append`; read `frame["ema(close,9)"]`. Values are nan until warm: ask
    `is_ready`. The last `max_length` values of each column are kept. `session_of` maps a bar's close (UTC ns) to the
    id of its trading day, for indicators that restart with the session.
    """

    def __init__(
        self,
        specs: Iterable[str | Spec],
        *,
        max_length: int = DEFAULT_LENGTH,
        session_of: Callable[[int], int] = utc_date,
    ) -> None:
        if max_length < 1:
            raise InvalidInput(f"max_length must be at least 1, found {max_length}", field="max_length")
        self.plan = plan(specs)
        self.max_length = max_length
        self._series = {spec: deque[float](maxlen=max_length) for spec in self.plan.requested}
        self._columns: dict[str | Spec, deque[float]] = {spec: series for spec, series in self._series.items()}  # noqa: C416
        self._ready: dict[str | Spec, int] = {spec: self.plan.ready(spec) for spec in self.plan.requested}
        push = {spec: series.append for spec, series in self._series.items()}
        self._generated = make_appender(self.plan, push=push, session_of=session_of, warm=self._warm)
        # Rebound once everything is ready: after that no step has to ask whether it may run.
        self.append: Callable[[Any], None] = self._generated.warming

    @property
    def warmup(self) -> int:
        """Bars needed until every requested spec is ready."""
        return self.plan.warmup

    @property
    def bars(self) -> int:
        """Bars appended so far, over every restore."""
        return self._generated.bars()

    @property
    def specs(self) -> tuple[Spec, ...]:
        return self.plan.requested

    def __getitem__(self, spec: str | Spec) -> float:
        """The current value; nan before it is ready."""
        try:
            return self._columns[spec][-1]
        except LookupError:  # another spelling, or no bar yet
            column = self._find(spec)
            return column[-1] if column else math.nan

    def previous(self, spec: str | Spec, bars_ago: int = 1) -> float:
        """The value that many bars ago; nan before the first bar. Not further back than `max_length`."""
        column = self._columns.get(spec)
        if column is None:
            column = self._find(spec)
        if 0 <= bars_ago < len(column):
            return column[-1 - bars_ago]
        if bars_ago < 0:
            raise LookAhead(f"{spec} {-bars_ago} bars ahead of the current bar cannot be known", field="bars_ago")
        if bars_ago >= self.max_length:
            raise InvalidInput(
                f"{spec} {bars_ago} bars ago is not kept: max_length is {self.max_length}", field="bars_ago"
            )
        return math.nan

    def is_ready(self, spec: str | Spec) -> bool:
        """Whether the current value of `spec` is warm."""
        if spec not in self._ready:
            self._find(spec)
        return self._generated.bars() >= self._ready[spec]

    def is_warm(self) -> bool:
        """Whether everything requested is ready."""
        return self._generated.bars() >= self.plan.warmup

    def column(self, spec: str | Spec) -> list[float]:
        """The kept values, oldest first."""
        return list(self._find(spec))

    def computations(self) -> dict[str, int]:
        """How often each indicator was computed; what nobody asked for is not there."""
        return {str(node.spec): node.steps(self.bars) for node in self.plan.nodes}

    def snapshot(self) -> dict[str, Any]:
        """Plain values (for MessagePack) from which `restore` continues bit for bit."""
        return {
            "fingerprint": self.plan.fingerprint,
            "state": self._generated.snapshot(),
            "columns": [list(series) for series in self._series.values()],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue where `snapshot` was taken; refused if it was taken of other specs."""
        if snapshot.get("fingerprint") != self.plan.fingerprint:
            raise SnapshotIncompatible(
                f"The snapshot holds indicators {snapshot.get('fingerprint')!r}, expected {self.plan.fingerprint!r}"
            )
        self._generated.restore(snapshot["state"])
        for series, values in zip(self._series.values(), snapshot["columns"], strict=True):
            series.clear()
            series.extend(values)
        self.append = self._generated.hot if self.is_warm() else self._generated.warming

    def _warm(self) -> None:
        self.append = self._generated.hot

    def _find(self, spec: str | Spec) -> deque[float]:
        found = self.plan.find(parse(spec))
        if found is None:
            requested = ", ".join(map(str, self._series))
            raise NotFound(f"{parse(spec)} was not requested from this frame. Requested: {requested}")
        self._columns[spec] = self._series[found]
        self._ready[spec] = self.plan.ready(found)
        return self._series[found]
