"""The configuration of a run as the numbers that the compiled scan reads, and why one cannot be put into them."""

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.simulation.options import parse_fees, parse_slippage
from backtest.simulation.sweep import records as k
from backtest.simulation.sweep.job import RunConfig
from engine.bars.columns import BarColumns
from engine.decision.sizing import FixedSize
from engine.exits.config import Distance, DistanceKind, ExitConfig
from engine.exits.deadlines import NS, deadline
from engine.exits.plan import share_out
from engine.instruments.grid import grid_of
from engine.instruments.instrument import Instrument
from engine.venue.slippage import FixedSlippage, NoSlippage, Slippage, SpreadSlippage, VolumeShareSlippage

Ints = NDArray[np.int64]
Table = NDArray[Any]  # of records
KINDS = {DistanceKind.FRACTION: 0, DistanceKind.POINTS: 1, DistanceKind.TICKS: 2, DistanceKind.ATR: 3}
DEADLINES = ("max_hold", "session_close", "cut_off")
UNUSED = -1


def why_not(fixed: RunConfig, instrument: Instrument) -> str | None:
    """Why runs with this configuration are not compiled; None when they are."""
    size = fixed.quantity / instrument.quantity_step
    if fixed.sizing is not None and not isinstance(fixed.sizing, FixedSize):
        return "sizes that depend on equity are worked out by the engine"
    if fixed.sizing is not None and fixed.sizing.max_quantity is not None:
        return "a capped size is worked out by the engine"
    if fixed.participation is not None:
        return "partial fills are made by the simulated venue"
    if fixed.quantity <= 0 or size != int(size):
        return f"the quantity {fixed.quantity} is not on the size grid of {instrument.quantity_step}"
    slippage = parse_slippage(fixed.slippage)
    if type(slippage) not in _SLIPPAGES or (type(slippage) is VolumeShareSlippage and instrument.quantity_step != 1):
        return f"slippage {fixed.slippage} is worked out by the simulated venue"
    parse_fees(fixed.fees)
    return _exits_problem(fixed.exits)


def _exits_problem(exits: ExitConfig | None) -> str | None:
    if exits is None:
        return None
    kinds = {target.distance.kind for target in exits.targets}
    values = [target.distance.value for target in exits.targets]
    if len(kinds) > 1 or values != sorted(values):
        return "targets that are not in order are watched by the engine"
    return None


def why_not_bars(data: BarColumns) -> str | None:
    """Why these bars are not scanned; None when they are."""
    if len(data) and not data.is_complete.all():
        return "there are incomplete bars"
    if (np.diff(data.ts) <= 0).any() or (data.ts_open[1:] < data.ts[:-1]).any():
        return "bars overlap or share a time"
    if not all(np.isfinite(column).all() for column in (data.open, data.high, data.low, data.close)):
        return "there are bars without a price"
    return None


def config_of(fixed: RunConfig, instrument: Instrument) -> tuple[Table, Table]:
    """The configuration as `records.CONFIG`, and its targets as `records.TIER`; `first` is left to the run."""
    config = np.zeros(1, k.CONFIG)
    config["unit"] = int(fixed.quantity / instrument.quantity_step)
    config["unit_size"] = float(instrument.quantity_step)
    config["step"], config["scale"] = grid_of(instrument.tick_size)
    _put_slippage(parse_slippage(fixed.slippage), instrument, config)
    even = fixed.exits.break_even if fixed.exits else None
    _put(config, "stop", fixed.exits.stop if fixed.exits else None)
    _put(config, "trail", fixed.exits.trailing if fixed.exits else None)
    _put(config, "after", even.after if even else None)
    _put(config, "offset", even.offset if even else None)
    tiers = _tiers(fixed.exits, fixed.quantity, instrument)
    config["tiers"], config["by_time"] = len(tiers), bool(fixed.exits and fixed.exits.goes_by_time)
    config["guards"] = fixed.exits is not None
    return config, tiers


def _put(config: Table, name: str, distance: Distance | None) -> None:
    config[f"{name}_kind"] = UNUSED if distance is None else KINDS[distance.kind]
    config[name] = 0.0 if distance is None else distance.value


def _tiers(exits: ExitConfig | None, quantity: Decimal, instrument: Instrument) -> Table:
    if exits is None or not exits.targets:
        return np.zeros(0, k.TIER)
    parts = [int(part / instrument.quantity_step) for part in share_out(exits, instrument, quantity)]
    found = [
        (KINDS[t.distance.kind], t.distance.value, part, 0.0) for t, part in zip(exits.targets, parts, strict=True)
    ]
    return np.array([tier for tier in found if tier[2] > 0], k.TIER)


def _put_slippage(slippage: Slippage, instrument: Instrument, config: Table) -> None:
    tick = float(instrument.tick_size)
    match slippage:
        case FixedSlippage(ticks=ticks):
            config["slip_kind"], config["slip"] = 1, ticks * tick
        case SpreadSlippage(share=share, default_ticks=ticks):
            config["slip_kind"], config["slip"] = 1, share * (ticks * tick)
        case VolumeShareSlippage(impact=impact, limit=limit):
            config["slip_kind"], config["slip"], config["slip_limit"] = 2, impact, limit
        case _:
            config["slip_kind"] = 0


_SLIPPAGES = (NoSlippage, FixedSlippage, SpreadSlippage, VolumeShareSlippage)


def deadlines_of(exits: ExitConfig | None, instrument: Instrument, ts_open: Ints) -> tuple[Ints, Ints]:
    """For an entry at each bar's open: when it must be closed, and the code of the reason. Empty where none goes by
    time."""
    if exits is None or not exits.goes_by_time:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if exits.max_hold_s is not None and exits.before_close_s is None and exits.cut_off is None:
        return ts_open + int(exits.max_hold_s * NS), np.full(len(ts_open), k.BY_DEADLINE + DEADLINES.index("max_hold"))
    found = [deadline(exits, instrument, ts) for ts in ts_open.tolist()]
    when = np.array([at for at, _ in filter(None, found)], np.int64)
    return when, np.array([k.BY_DEADLINE + DEADLINES.index(reason) for _, reason in filter(None, found)], np.int64)
