"""Which column of a file means what: by its name, or by the map the caller gives."""

from collections.abc import Mapping, Sequence

from engine.errors import InvalidInput

_ALIASES: dict[str, tuple[str, ...]] = {
    "ts_open": ("ts_open", "open_time", "time_open", "window_start"),
    "ts": ("ts", "ts_utc", "timestamp", "datetime", "time", "date", "ts_event", "t"),
    "ts_close": ("ts_close", "close_time", "time_close"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
    "trade_count": ("trade_count", "trades", "transactions", "n"),
    "vwap": ("vwap", "vw"),
    "price": ("price", "last", "trade_price", "p"),
    "size": ("size", "qty", "quantity", "last_size", "s"),
    "bid": ("bid", "bid_price", "bid_px", "bid_px_00"),
    "ask": ("ask", "ask_price", "ask_px", "ask_px_00"),
    "cond": ("cond", "conds", "condition", "conditions"),
    "symbol": ("symbol", "ticker", "sym"),
    "timeframe": ("timeframe",),
    "expiry": ("expiry", "expiration"),
    "right": ("right", "call_put"),
    "strike": ("strike", "strike_price"),
}


def recognise(columns: Sequence[str], mapping: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our name → the file's column. `mapping` (our name → the file's) overrules; the rest is found by name.

    Case, spaces and dots do not matter. Where a file has both a date and a time column, "date" is kept as well.
    """
    found = _given(columns, mapping or {})
    taken = set(found.values())
    by_name = {_plain(column): column for column in reversed(columns) if column not in taken}
    for name, aliases in _ALIASES.items():
        if name not in found:
            match = next((by_name[alias] for alias in aliases if alias in by_name), None)
            if match is not None:
                found[name] = match
    if _plain(found.get("ts", "")) == "time" and "date" in by_name:
        found["date"] = by_name["date"]
    return found


def require(found: Mapping[str, str], names: Sequence[str], columns: Sequence[str], *, what: str) -> None:
    """Refuse a file that lacks one of `names`, naming the first."""
    for name in names:
        if name not in found:
            wanted = " or ".join(_ALIASES[name])
            raise InvalidInput(
                f"{name}: {what} need a column {wanted}, found {', '.join(columns)}; name it with --map {name}=COLUMN",
                field=name,
            )


def _given(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    for name, column in mapping.items():
        if name not in _ALIASES:
            raise InvalidInput(f"map: expected one of {', '.join(_ALIASES)}; found {name!r}", field="map")
        if column not in columns:
            raise InvalidInput(f"map: {name}={column}: the file has only {', '.join(columns)}", field="map")
    return dict(mapping)


def _plain(column: str) -> str:
    return column.strip().strip("<>").lower().replace(" ", "_").replace(".", "_")
