"""Makes machine code of the steps in `kernel.py` and of those it shares with the venue, kept on disk between runs."""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from backtest.simulation.sweep import fills, guards, kernel, records
from engine.indicators.compiled import load_compiled
from engine.instruments import grid
from engine.venue import levels

_SHARED = (
    grid.from_ticks, grid.floor_ticks, grid.ceil_ticks, grid.round_ticks,
    levels.is_reached, levels.is_better, levels.trail_inside,
)  # fmt: skip
_LOOPS = (kernel.run_bars, kernel.fold_extremes, kernel.sum_up)
_TABLES = {"config": records.CONFIG, "tiers": records.TIER, "state": records.STATE, "trades": records.TRADE}


@cache
def bar_scan(cache_dir: Path | None = None) -> Callable[..., None]:
    """`kernel.run_bars` as machine code."""
    return _load(kernel.run_bars, cache_dir)


@cache
def summing(cache_dir: Path | None = None) -> Callable[..., None]:
    """`kernel.sum_up` as machine code."""
    return _load(kernel.sum_up, cache_dir)


@cache
def extremes_fold(cache_dir: Path | None = None) -> Callable[..., None]:
    """`kernel.fold_extremes` as machine code."""
    return _load(kernel.fold_extremes, cache_dir)


def _load(loop: Callable[..., None], cache_dir: Path | None) -> Callable[..., None]:
    """The name on disk is a hash of all the text, so no part of it can be stale."""
    source = source_of(loop)
    return load_compiled(f"{loop.__name__}_{hashlib.sha256(source.encode()).hexdigest()[:16]}", source, cache_dir)


def source_of(loop: Callable[..., None]) -> str:
    """The module that is compiled: constants, the shared steps, the kernel's, and the loop with its types.

    Without Numba's runtime (`_nrt`) arrays that are handed from step to step are not counted: there is nothing to
    allocate, and counting took three quarters of the time.
    """
    steps = [*_SHARED, *_own_steps()] if loop is kernel.run_bars else _SHARED
    named = [*vars(records).items(), *vars(grid).items(), *vars(levels).items()]
    constants = [f"{name} = {value!r}" for name, value in named if name.isupper() and type(value) in (int, float)]
    arguments = inspect.signature(loop).parameters
    types = ", ".join(_type(name, parameter.annotation) for name, parameter in arguments.items())
    return "\n".join(
        [
            '"""Generated from the steps of a sweep: do not edit."""',
            "from __future__ import annotations",
            "import numba",
            "import numpy as np",
            "from math import inf, nan",
            *constants,
            *(f"{name.upper()} = numba.from_dtype(np.dtype({dtype.descr}))[::1]" for name, dtype in _TABLES.items()),
            "INTS, FLOATS = numba.int64[::1], numba.float64[::1]",
            *(f"@numba.njit(error_model='numpy', _nrt=False)\n{inspect.getsource(f)}" for f in steps),
            f"@numba.njit(numba.void({types}), cache=True, nogil=True, error_model='numpy', _nrt=False)",
            inspect.getsource(loop),
            f"scan = {loop.__name__}",
            "",
        ]
    )


def _own_steps() -> list[Any]:
    modules = (fills, guards, kernel)
    found: list[Any] = [f for m in modules for f in vars(m).values() if getattr(f, "__module__", "") == m.__name__]
    return [f for f in found if f not in _LOOPS]


def _type(name: str, annotation: Any) -> str:
    return name.upper() if name in _TABLES else ("INTS" if annotation is records.Ints else "FLOATS")
