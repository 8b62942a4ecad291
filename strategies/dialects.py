"""Two ways of writing a ticker in JSON, one model: nested (`config`) and flat (`…_quantity`)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings

from engine.errors import InvalidInput
from strategies.models import Ticker

FLAT_ACCOUNTS = ("schwab", "tastytrade")  # always present in a flat answer
_SUFFIX = "_quantity"
_FLAT_FIELDS = {"strategy", "symbol", "ticker", "timeframe", "trade_enabled", "enabled", "exits", "feed", "params"}
_NESTED_FIELDS = {"timeframe", "quantity", "quantities", "enabled", "trade_enabled", "params", "exits", "feed"}


def from_nested(body: Mapping[str, Any]) -> dict[str, Any]:
    """`{strategy, ticker, config: {timeframe, quantity, enabled, …}}` as the service takes it.

    What `config` holds beyond its own fields is a parameter of the strategy.
    """
    config = body.get("config")
    if not isinstance(config, Mapping):
        raise InvalidInput(f"config: an object was expected, found {config!r}.", field="config")
    quantities = dict(_mapping(config, "quantities"))
    if "quantity" in config:
        quantities.setdefault(settings.DEFAULT_ACCOUNT, config["quantity"])
    return _given(
        strategy=body.get("strategy"),
        symbol=body.get("ticker", body.get("symbol")),
        timeframe=config.get("timeframe"),
        trade_enabled=config.get("enabled", config.get("trade_enabled")),
        quantities=quantities,
        params={**_beyond(config, _NESTED_FIELDS), **_mapping(config, "params")},
        exits=config.get("exits"),
        feed=config.get("feed"),
    )


def from_flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """`{strategy, symbol, timeframe, schwab_quantity, trade_enabled, period_1, …}` as the service takes it."""
    quantities = {name.removesuffix(_SUFFIX): value for name, value in body.items() if name.endswith(_SUFFIX)}
    rest = {name: value for name, value in body.items() if not name.endswith(_SUFFIX)}
    return _given(
        strategy=body.get("strategy"),
        symbol=body.get("symbol", body.get("ticker")),
        timeframe=body.get("timeframe"),
        trade_enabled=body.get("trade_enabled", body.get("enabled")),
        quantities=quantities,
        params={**_beyond(rest, _FLAT_FIELDS), **_mapping(body, "params")},
        exits=body.get("exits"),
        feed=body.get("feed"),
    )


def to_nested(ticker: Ticker) -> dict[str, Any]:
    """The nested dialect; `quantity` is the default account's, `quantities` are all of them, exact."""
    return {
        "strategy": ticker.strategy,
        "ticker": ticker.symbol,
        "config": {
            "timeframe": ticker.timeframe,
            "quantity": _number(ticker.quantities.get(settings.DEFAULT_ACCOUNT, "0")),
            "enabled": ticker.trade_enabled,
            "quantities": ticker.quantities,
            "params": ticker.params,
            "exits": ticker.exits,
            "feed": ticker.feed,
        },
        "version": ticker.version,
    }


def to_flat(ticker: Ticker) -> dict[str, Any]:
    """The flat dialect; parameters stand beside the other fields."""
    quantities = {**dict.fromkeys(FLAT_ACCOUNTS, "0"), **ticker.quantities}
    return {
        "strategy": ticker.strategy,
        "symbol": ticker.symbol,
        "timeframe": ticker.timeframe,
        **ticker.params,
        **{f"{account}{_SUFFIX}": _number(value) for account, value in quantities.items()},
        "trade_enabled": ticker.trade_enabled,
        "exits": ticker.exits,
        "feed": ticker.feed,
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _beyond(values: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in known}


def _mapping(values: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = values.get(field) or {}
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{field}: an object was expected, found {found!r}.", field=field)
    return found


def _number(text: str) -> int | float:
    """These dialects write quantities as JSON numbers."""
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)
