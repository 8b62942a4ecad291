"""How much a study of pivots repaints: how late a pivot is known, and how often it was drawn elsewhere before."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from engine.errors import InvalidInput
from engine.indicators.frame import IndicatorFrame
from engine.indicators.spec import parse
from engine.model.market import Bar

OUTPUTS = ("flip", "pivot_age", "state", "max", "min")
UP, DOWN = 2.0, 3.0
NAN = float("nan")


class Repaint(msgspec.Struct, frozen=True, kw_only=True):
    """`late`: bars from a pivot to the bar at whose close it was known (mean, median, most). `redrawn`: how many places
    a chart that marks every leg's extreme at once would have shown for a pivot before the right one, on average;
    `false_share`: of all those marks, the share that did not stay. nan where no pivot was confirmed."""

    study: str
    bars: int
    pivots: int
    late_mean: float
    late_median: float
    late_most: int
    redrawn: float
    false_share: float

    def sentence(self) -> str:
        """For people."""
        if not self.pivots:
            return f"{self.study}: no pivot was confirmed on {self.bars:,} bars"
        return (
            f"{self.study}: repaints {self.late_mean:.1f} bars on average (median {self.late_median:.0f}, most "
            f"{self.late_most}); {100 * self.false_share:.0f} % of its marks do not stay "
            f"({self.pivots:,} pivots on {self.bars:,} bars)"
        )

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return {name: None if value != value else value for name, value in found.items()}


def repaint(study: str, bars: Iterable[Bar]) -> Repaint:
    """Measure a zigzag on `bars`; another study is refused, because it does not revise what it has shown."""
    spec = parse(study).whole
    if spec.name != "zigzag":
        raise InvalidInput(f"study: a zigzag was expected, found {spec.name}; it never changes a value", field="study")
    names = tuple(f"{spec}.{output}" for output in OUTPUTS)
    frame = IndicatorFrame(names, max_length=1)
    late: list[float] = []
    marks = held = count = 0
    extreme = NAN
    for bar in bars:
        frame.append(bar)
        count += 1
        flip, age, state, high, low = (frame[name] for name in names)
        if flip:
            late.append(age)
            held += 1
        now = high if state == UP else low if state == DOWN else NAN
        if now == now and (now != extreme or flip):
            marks += 1  # the leg's extreme is drawn here now
        extreme = now
    open_leg = 1 if marks else 0  # the last mark may still hold
    return Repaint(
        study=str(spec),
        bars=count,
        pivots=held,
        late_mean=float(np.mean(late)) if late else NAN,
        late_median=float(np.median(late)) if late else NAN,
        late_most=int(max(late, default=0)),
        redrawn=(marks - held - open_leg) / held if held else NAN,
        false_share=(marks - held - open_leg) / marks if held else NAN,
    )
