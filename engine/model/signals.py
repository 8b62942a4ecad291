"""What a strategy wishes, and why a wish was not followed."""

import msgspec

from engine.model.event import Event
from engine.model.market import NAN


class Signal(Event, frozen=True):
    """What the position of one strategy slot should be: −1 short, 0 flat, +1 long (times its quantity)."""

    strategy: str
    symbol: str
    timeframe: str
    target: int
    reason: str
    confidence: float = 1.0  # 0…1
    priority: int = 0  # the higher wins on one symbol and instant
    bar_ts: int = 0  # close of the bar that was decided on; 0 for a decision inside a bar
    evidence: dict[str, float] = msgspec.field(default_factory=dict)  # the values that decided it


class SignalSuppressed(Event, frozen=True):
    """A signal that was not followed. `rule` names who said no: arbiter, correlation, one_trade_per_bar, …"""

    signal: Signal
    rule: str
    reason: str


class StrategyFaulted(Event, frozen=True):
    """A strategy raised. It is disabled alone; what it holds keeps its exits."""

    strategy: str
    symbol: str
    error: str


class WarmupProgressed(Event, frozen=True):
    """A slot has `have` of the `need` bars it must see before it may decide. Ready when have ≥ need."""

    strategy: str
    symbol: str
    timeframe: str
    have: int
    need: int


class SlotStateChanged(Event, frozen=True):
    """A slot began or stopped trading, with the reason: warming | ready | stopped | faulted | gapped."""

    strategy: str
    symbol: str
    state: str
    reason: str = ""


class MoverDetected(Event, frozen=True):
    """A symbol runs away (`mover` fast) or begins to trade after a quiet time (slow). `direction` is ±1, 0 where the
    price has not moved; `change` is a fraction: of the extreme in the window (fast), since the quiet time (slow)."""

    symbol: str
    mover: str
    direction: int
    price: float
    change: float
    volume_ratio: float = NAN  # recent volume as a multiple of the usual one; slow only
