"""What a report is made of, whoever ran it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.instruments.instrument import Instrument
from engine.model.orders import OrderFilled
from engine.model.positions import TradeClosed

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Prices(Protocol):
    """Bars of one symbol as columns."""

    def __len__(self) -> int: ...
    @property
    def timeframe(self) -> str: ...
    @property
    def ts(self) -> Ints: ...
    @property
    def open(self) -> Floats: ...
    @property
    def high(self) -> Floats: ...
    @property
    def low(self) -> Floats: ...
    @property
    def close(self) -> Floats: ...


class Curves(Protocol):
    """Equity and exposure over time, and the prices there are of each symbol."""

    @property
    def ts(self) -> Ints: ...

    @property
    def symbols(self) -> Mapping[str, Prices]: ...

    def profit(self) -> tuple[Ints, Floats]: ...

    def exposure(self) -> tuple[Ints, Floats, Floats]: ...


class Benchmark(msgspec.Struct, frozen=True):
    """What holding `name` would have been: its closes."""

    name: str
    ts: Ints
    close: Floats


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `capital` None: ratios are based on the largest value that was held."""

    title: str
    config: dict[str, Any]
    stats: dict[str, Any]
    trades: list[TradeClosed]
    fills: list[OrderFilled]
    curve: Curves
    instruments: Mapping[str, Instrument]
    capital: Decimal | None = None
    benchmark: Benchmark | None = None
    honesty: dict[str, Any] | None = None
    refused: Mapping[str, int] = {}  # why wishes and orders came to nothing → how often
    judgement: dict[str, Any] | None = None  # how convincing it is with every trial counted: {"rows", "note"}

    @property
    def calendar(self) -> str:
        """Whose trading days count: those of the first symbol."""
        return next(iter(self.instruments.values())).calendar


def benchmark_of(curve: Curves, name: str | None) -> Benchmark | None:
    """Holding a symbol of the run: the first one, or `name`; "none" for nothing."""
    if name == "none" or not curve.symbols:
        return None
    symbol = name or next(iter(curve.symbols))
    found = curve.symbols[symbol]
    return Benchmark(symbol, found.ts, found.close) if len(found) else None
