"""Columns of numbers, checked where they come in."""

from typing import Any

import numpy as np

from engine.errors import InvalidInput

Array = np.ndarray[Any, Any]


def to_floats(column: Any, *, name: str, empty: float | None = None) -> Array:
    """float64 of an Arrow column. What is empty becomes `empty`; where that is None, it is refused."""
    import pyarrow as pa  # on first use: slow to import

    try:
        values = np.asarray(column.cast("float64").to_numpy(), np.float64)
    except pa.ArrowException as error:
        raise InvalidInput(f"{name}: expected numbers: {error}", field=name) from error
    missing = np.isnan(values)
    if not missing.any():
        return values
    if empty is None:
        row = int(np.argmax(missing)) + 1
        raise InvalidInput(
            f"{name}: expected a number in every row, found {int(missing.sum())} empty, the first in row {row}",
            field=name,
        )
    return np.where(missing, empty, values)


def to_ints(column: Any, *, name: str) -> Array:
    """int64 of an Arrow column; what is empty becomes 0."""
    import pyarrow as pa  # on first use: slow to import

    try:
        return np.asarray(column.cast("int64").fill_null(0).to_numpy(), np.int64)
    except pa.ArrowException as error:
        raise InvalidInput(f"{name}: expected whole numbers: {error}", field=name) from error


def time_order(ts: Array) -> Array | None:
    """The stable order that sorts `ts`; None where it is sorted already."""
    if len(ts) < 2 or bool((ts[1:] >= ts[:-1]).all()):
        return None
    return np.argsort(ts, kind="stable")
