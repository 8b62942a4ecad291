"""What a sweep is asked for, and what one run of it gives back: plain values, as JSON or between processes."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtest.simulation.options import (
    parse_amount,
    parse_fees,
    parse_fill,
    parse_participation,
    parse_quantity,
    parse_slippage,
)
from engine.decision.sizing import AnySizing
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.exits.plan import check_exits
from engine.model.positions import TradeClosed

BROKER = "paper"
EVENT: Literal["event"] = "event"
COMPILED: Literal["compiled"] = "compiled"
EXITS, NONE = "exits.", "none"
MOST_TARGETS = 8  # that a path may make
How = Literal["compiled", "event"]


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What all runs of a sweep have in common. Costs as people type them (`backtest.simulation.options`).

    `params` are parameters of the strategy that stay as they are. `capital` is the cash at the start, for sizes that
    depend on equity. `name` is the run's, and prefixes the ids of its orders.
    """

    quantity: Decimal = Decimal(1)
    params: dict[str, Any] = {}
    fees: str = "none"
    slippage: str = "none"
    fill: str = "touch"
    exits: ExitConfig | None = None
    sizing: AnySizing | None = None
    capital: Decimal | None = None
    participation: float | None = None
    name: str = "stored"


class SweepJob(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a sweep: the runs number `first`, `first` + 1, … of `params`. JSON by `msgspec.json`.

    Names like "exits.stop.value" are no parameters of the strategy: they change `fixed.exits` for that run.
    `force_event` runs them by the engine even where they could be compiled.
    """

    strategy: str
    params: list[dict[str, Any]]
    fixed: RunConfig = RunConfig()
    first: int = 0
    keep_trades: bool = False
    force_event: bool = False


class Trades(Protocol):
    """The closed trades of one run, in the order in which they were closed."""

    def __len__(self) -> int: ...

    def closed(self) -> list[TradeClosed]:
        """As the engine tells them."""
        ...

    def exits(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """When each was closed (UTC ns), and its net P&L as an observed number: for statistics over time."""
        ...


class RunOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `stats` are those of `backtest --json`; empty where the parameters were refused (`error` says why).

    `how` tells what ran it, `why` the reason where that was not the compiled scan. `trades` is None unless kept.
    """

    number: int
    params: dict[str, Any]
    stats: dict[str, Any]
    how: How = EVENT
    why: str = ""
    error: str = ""
    trades: Any = None  # `Trades`

    def document(self) -> dict[str, Any]:
        """As JSON values, without the trades."""
        found: dict[str, Any] = {"number": self.number, "params": self.params, "stats": self.stats, "how": self.how}
        return found | {name: text for name, text in (("why", self.why), ("error", self.error)) if text}


class TradeList(msgspec.Struct, frozen=True):
    """The trades of a run of the engine."""

    trades: Sequence[TradeClosed]

    def __len__(self) -> int:
        return len(self.trades)

    def closed(self) -> list[TradeClosed]:
        """As the engine told them."""
        return list(self.trades)

    def exits(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """When each was closed, and what it earned."""
        when = np.array([trade.exit_ts for trade in self.trades], np.int64)
        return when, np.array([float(trade.pnl) for trade in self.trades])


def check_config(fixed: RunConfig) -> None:
    """`InvalidInput` names what of it makes no sense: sizes and costs are checked as a run's at the command line."""
    parse_quantity(str(fixed.quantity))
    parse_fees(fixed.fees), parse_slippage(fixed.slippage), parse_fill(fixed.fill)
    if fixed.capital is not None:
        parse_amount(str(fixed.capital), field="capital")
    if fixed.participation is not None:
        parse_participation(str(fixed.participation))


def parted(fixed: RunConfig, params: Mapping[str, Any]) -> tuple[dict[str, Any], RunConfig]:
    """The strategy's parameters of one run, and its configuration: "exits.stop.value" and its like change the exits.

    `InvalidInput` where the exits make no sense.
    """
    wanted = {**fixed.params, **params}
    changes = {name.removeprefix(EXITS): wanted.pop(name) for name in list(wanted) if name.startswith(EXITS)}
    if changes:
        fixed = msgspec.structs.replace(fixed, exits=changed_exits(fixed.exits, changes))
    return wanted, fixed


def changed_exits(exits: ExitConfig | None, changes: Mapping[str, Any]) -> ExitConfig | None:
    """`exits` with values at paths replaced: {"stop.value": 0.01, "targets.0.distance.value": 2}; "none" removes one.

    None where nothing is left.
    """
    plain: dict[str, Any] = {} if exits is None else msgspec.to_builtins(exits)
    for path, value in changes.items():
        _put(plain, path.split("."), None if value == NONE else value)
    try:
        found = msgspec.convert(plain, ExitConfig, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"exits: {error}", field="exits") from error
    if found == ExitConfig(atr_period=found.atr_period):
        return None
    check_exits(found)
    return found


def _put(plain: Any, path: Sequence[str], value: Any) -> None:
    """Set the value at the end of the path; what is missing on the way is made."""
    name, rest = path[0], path[1:]
    key: Any = int(name) if isinstance(plain, list | tuple) and name.isdigit() else name
    if isinstance(plain, list):
        while isinstance(key, int) and len(plain) <= key < MOST_TARGETS:
            plain.append({})
    if isinstance(key, str) and not isinstance(plain, dict):
        raise InvalidInput(f"exits: {name!r} is no part of a list", field="exits")
    if not rest:
        plain[key] = value
        return
    inner = plain[key] if isinstance(key, int) else plain.get(key)
    if not isinstance(inner, dict | list):
        inner = plain[key] = list(inner) if isinstance(inner, tuple) else [] if rest[0].isdigit() else {}
    _put(inner, rest, value)
