"""What a strategy is: parameters, the indicators it needs, and an answer to "what should the position be?"."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from engine.options.rules import ContractRules
from engine.strategy.context import Context


class NoParams(msgspec.Struct, frozen=True):
    """For strategies without parameters."""


class Wish(msgspec.Struct, frozen=True):
    """A strategy's answer: `target` −1 short, 0 flat, +1 long. `evidence` holds the values that decided it."""

    target: int
    reason: str
    confidence: float = 1.0  # 0…1
    priority: int = 0
    evidence: Mapping[str, float] = {}

    def __post_init__(self) -> None:
        if self.target not in (-1, 0, 1):
            raise ValueError(f"target: −1, 0 or +1 was expected, found {self.target!r}")


class Strategy:
    """One strategy on one symbol. It sees a read-only `Context`, keeps its own state, and answers with a `Wish`.

    None means: no opinion, leave the position as it is. It has no clock, no I/O and no randomness of its own, so that
    the same bars give the same wishes. State of its own goes through `snapshot` and `restore` as plain values.
    """

    Params: ClassVar[type[msgspec.Struct]] = NoParams
    lookback: ClassVar[int] = 0  # bars before the current one that `on_bar` reads

    def __init__(self, params: Any) -> None:
        self.params = params

    @classmethod
    def normalize(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """Other spellings of the parameters, mapped to ours before they are checked."""
        return raw

    @classmethod
    def check(cls, params: Any) -> tuple[str, str] | None:
        """What is wrong between parameters, as (field, sentence); None when nothing is."""
        return None

    @classmethod
    def contracts(cls, params: Any) -> ContractRules | None:
        """For a strategy that trades options on its symbol: +1 is a call that is bought, −1 a put. None: it trades the
        symbol itself."""
        return None

    def indicators(self) -> tuple[str, ...]:
        """Specs read on the slot's own timeframe."""
        return ()

    def other_indicators(self) -> Mapping[str, tuple[str, ...]]:
        """Specs read on further timeframes: timeframe → specs."""
        return {}

    def on_bar(self, ctx: Context) -> Wish | None:
        """A bar of the slot's timeframe closed."""
        return None

    def on_other_bar(self, ctx: Context) -> Wish | None:
        """A bar of a further timeframe closed; `ctx.bar` is that bar."""
        return None

    def on_tick(self, ctx: Context) -> Wish | None:
        """A price inside the bar. Called only for strategies that define it."""
        return None

    def snapshot(self) -> dict[str, Any]:
        """State of its own, as plain values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `snapshot`."""


def decides_on_prints_alone(kind: type[Strategy]) -> bool:
    """Whether bars never ask such a strategy for a wish."""
    on_bars = kind.on_bar is not Strategy.on_bar or kind.on_other_bar is not Strategy.on_other_bar
    return kind.on_tick is not Strategy.on_tick and not on_bars
