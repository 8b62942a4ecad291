"""Row by row: what is right goes on, what is wrong is counted with its reason and its first row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.errors import InvalidInput
from marketdata.files.numbers import Array
from marketdata.files.times import times, to_ns

_NOISE = 1e-9  # adjusted prices come out of divisions


class Rejections:
    """Why rows are left out, in the words of a person: reason → (how many, the first of them)."""

    def __init__(self) -> None:
        self.reasons: dict[str, tuple[int, int]] = {}

    def add(self, reason: str, count: int, first_row: int = 0) -> None:
        if count:
            known, first = self.reasons.get(reason, (0, first_row))
            self.reasons[reason] = (known + count, min(first, first_row) if known else first_row)

    @property
    def total(self) -> int:
        return sum(count for count, _ in self.reasons.values())


class Sieve:
    """Takes rows out of a table of one symbol, one rule after the other; each row counts for the first it breaks."""

    def __init__(self, rows: Array, rejections: Rejections) -> None:
        self.keep = np.ones(len(rows), np.bool_)
        self.rows = rows
        self.rejections = rejections

    def reject(self, bad: Array, reason: str) -> None:
        bad = bad & self.keep
        if bad.any():
            self.rejections.add(reason, int(bad.sum()), int(self.rows[bad].min()))
            self.keep &= ~bad


def numbers(table: Any, name: str) -> Array:
    """float64 of a column; what is empty or no number is nan."""
    import pyarrow as pa

    column = table.column(name)
    try:
        return np.asarray(column.cast("float64").to_numpy(), np.float64)
    except pa.ArrowException:
        import pandas as pd

        return np.asarray(pd.to_numeric(column.to_pandas(), errors="coerce"), np.float64)


def moments(table: Any, found: Mapping[str, str], key: str, *, timezone: str, sieve: Sieve) -> Array:
    """int64 UTC nanoseconds; rows without a readable time are taken out by `sieve` and have 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = times(table, found, key)
    name = found[key]
    missing = np.asarray(pc.is_null(column))
    if not missing.any():
        try:
            return to_ns(column, name=name, timezone=timezone)
        except InvalidInput:
            pass
    bad = missing | _unreadable(column)
    sieve.reject(missing, f"{name} is empty")
    sieve.reject(bad, f"{name} is no time")
    result = np.zeros(len(bad), np.int64)
    if not bad.all():
        result[~bad] = to_ns(column.filter(pa.array(~bad)), name=name, timezone=timezone)
    return result


def check_prices(sieve: Sieve, prices: Mapping[str, Array], *, may_be_negative: bool) -> None:
    """Open, high, low and close as a bar must have them."""
    for name, values in prices.items():
        sieve.reject(~np.isfinite(values), f"{name} is empty or no number")
        if not may_be_negative:
            sieve.reject(values <= 0, f"{name} is not above 0")
    if "high" in prices:
        every = np.stack(list(prices.values()))
        slack = _NOISE * np.nanmax(np.abs(every), axis=0, initial=0.0)
        sieve.reject(prices["high"] < every.max(axis=0) - slack, "high is below another price of the bar")
        sieve.reject(prices["low"] > every.min(axis=0) + slack, "low is above another price of the bar")


def check_amounts(sieve: Sieve, values: Array, name: str) -> Array:
    """Volumes and sizes: empty is 0, negative or infinite is wrong."""
    filled = np.where(np.isnan(values), 0.0, values)
    sieve.reject((filled < 0) | np.isinf(filled), f"{name} is negative or no number")
    return filled


def _unreadable(column: Any) -> Array:
    """Texts that are no times; columns of other types are read or refused as a whole."""
    import pyarrow as pa

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return np.zeros(len(column), np.bool_)
    import pandas as pd

    return np.asarray(pd.to_datetime(column.to_pandas(), format="mixed", utc=True, errors="coerce").isna())
