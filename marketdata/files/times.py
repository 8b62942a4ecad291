"""Times as files write them, to UTC nanoseconds."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from engine.errors import InvalidInput

Array = np.ndarray[Any, Any]

# A bare number is seconds, milli-, micro- or nanoseconds since 1970: told apart by how large it is (until 2286).
_NUMBER_UNITS = ((10**11, 1_000_000_000), (10**14, 1_000_000), (10**17, 1_000))


def times(table: Any, found: Mapping[str, str], key: str) -> Any:
    """The column of times; date and time of day put together where the file has them apart."""
    column = table.column(found[key])
    if key != "ts" or "date" not in found or found["date"] == found["ts"]:
        return column
    import pyarrow.compute as pc  # on first use: slow to import

    return pc.binary_join_element_wise(pc.cast(table.column(found["date"]), "string"), pc.cast(column, "string"), " ")


def to_ns(column: Any, *, name: str, timezone: str = "UTC") -> Array:
    """int64 UTC nanoseconds of an Arrow column of timestamps, dates, texts or numbers.

    What says no zone is taken to be in `timezone`. Nothing is rounded: nine decimals survive.
    """
    import pyarrow as pa  # on first use: slow to import

    zone = _zone(timezone)
    if column.null_count:
        raise InvalidInput(f"{name}: expected a time in every row, found {column.null_count} empty", field=name)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _from_numbers(column.to_numpy(), name)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return _ns(column.cast(pa.timestamp("ns", "UTC"), safe=False))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _localized(column.cast(pa.timestamp("ns")), zone)
    return _from_texts(column.cast(pa.string()), name, zone)


def _ns(column: Any) -> Array:
    return np.asarray(column.cast("int64").to_numpy(), np.int64)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"timezone: expected a name like America/New_York, found {name!r}", field="timezone"
        ) from error


def _localized(column: Any, zone: str) -> Array:
    import pyarrow.compute as pc  # on first use: slow to import

    # A wall clock that the change to winter time shows twice means the first; one that summer time skips, the moment.
    local = pc.assume_timezone(column, zone, ambiguous="earliest", nonexistent="latest")
    return _ns(local)


def _from_numbers(values: Array, name: str) -> Array:
    largest = float(np.abs(values).max()) if values.size else 0.0
    scale = next((scale for below, scale in _NUMBER_UNITS if largest < below), 1)
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64) * np.int64(scale)
    return np.round(values * scale).astype(np.int64)


def _from_texts(column: Any, name: str, zone: str) -> Array:
    import pandas as pd  # on first use: slow to import

    texts = column.to_pandas()
    try:
        parsed = pd.to_datetime(texts, format="ISO8601")
    except (ValueError, TypeError):
        try:
            parsed = pd.to_datetime(texts)
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"{name}: expected times like 2013-10-07T13:30:00Z: {error}", field=name) from error
    if parsed.dt.tz is None:
        import pyarrow as pa  # on first use: slow to import

        return _localized(pa.chunked_array([pa.array(parsed.astype("datetime64[ns]"))]), zone)
    return np.asarray(parsed.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]").astype("int64"))
