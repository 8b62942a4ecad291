"""What a fingerprint gives back, as plain values."""

from typing import Any

import msgspec

from backtest.simulation.sweep.job import How
from discovery.fingerprint.asked import FingerprintSpec
from discovery.fingerprint.coverage import Cell
from discovery.fingerprint.gaps import GapFound, SeedFound
from discovery.fingerprint.overlap import Overlap


class StateSeen(msgspec.Struct, frozen=True):
    """One state of the market: `bars` at whose close it holds, and the moves that begin there."""

    key: str
    dimension: str
    name: str
    text: str
    is_exclusive: bool
    bars: int
    moves_up: int
    moves_down: int


class MovesSeen(msgspec.Struct, frozen=True):
    """All moves, with hindsight."""

    count: int
    up: int
    down: int
    points: float
    mean_bars: float | None
    mean_atr: float | None


class Row(msgspec.Struct, frozen=True):
    """What a strategy does in one state, "any" being everywhere: on each side."""

    state: str
    long: Cell
    short: Cell


class StrategyProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy: its trades are those that a backtest gives. `how` ran it, and `why` not compiled."""

    name: str
    strategy: str
    params: dict[str, Any]
    how: How
    why: str
    trades: int
    net_pnl: float
    in_market: float
    rows: tuple[Row, ...]


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What a run came to, as plain values. Gaps and seeds are of the first `seed_days` of `days`, up to `seed_until`;
    `considered` combinations and rules were looked at for them."""

    symbol: str
    timeframe: str
    bars: int
    days: int
    first_day: str
    last_day: str
    spec: FingerprintSpec
    moves: MovesSeen
    states: tuple[StateSeen, ...]
    profiles: tuple[StrategyProfile, ...]
    overlaps: tuple[Overlap, ...]
    seed_days: int
    seed_until: str
    gaps: tuple[GapFound, ...]
    seeds: tuple[SeedFound, ...]
    considered: int
