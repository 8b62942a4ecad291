"""What a ticker may hold: every value from outside is checked here, and every refusal names its field."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string

from engine.bars.timeframe import canonical
from engine.errors import InvalidInput, NotFound
from engine.exits.config import ExitConfig
from engine.exits.plan import check_exits, uses_atr
from engine.instruments.catalog import normalize_symbol
from engine.instruments.instrument import AssetClass
from engine.strategy.params import parse_params
from strategies.registry import STRATEGIES, traded_class, trades_options

DAILY_OPTIONS = ("SPX", "XSP", "NDX", "RUT", "SPY", "QQQ", "IWM")  # something on them expires every business day

_PATH = re.compile(r" - at `\$\.([^`]+)`$")
_FEED = re.compile(r"[A-Za-z0-9_-]{1,32}")
_LARGEST_QUANTITY = Decimal(10) ** 9
_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}


class QuantityCheck(Protocol):
    """Who knows the accounts: named in the settings, because packages beside this one are not imported here."""

    def __call__(self, *, account: str, asset_class: AssetClass, quantity: Decimal) -> None: ...


class TickerConfig(msgspec.Struct, frozen=True):
    """A ticker's content, complete and valid. Quantities are exact decimals in text."""

    strategy: str
    symbol: str
    timeframe: str
    params: dict[str, Any]
    quantities: dict[str, str]
    exits: dict[str, Any]
    trade_enabled: bool = True
    feed: str = ""

    def document(self) -> dict[str, Any]:
        """Plain values, as the model stores them."""
        return msgspec.structs.asdict(self)


def ticker_config(raw: Mapping[str, Any]) -> TickerConfig:
    """`raw`, the fields of `TickerConfig` in any accepted spelling, checked; a refusal names the first bad field."""
    strategy = _strategy(raw.get("strategy"))
    symbol = normalize_symbol(_text(raw, "symbol"))
    params = params_document(strategy, raw.get("params") or {})
    exits = exits_document(raw.get("exits") or {})
    if trades_options(strategy, params):
        _check_options(strategy, symbol, exits)
    return TickerConfig(
        strategy=strategy,
        symbol=symbol,
        timeframe=canonical(_text(raw, "timeframe")),
        params=params,
        quantities=_quantities(raw.get("quantities") or {}, traded_class(strategy, symbol, params)),
        exits=exits,
        trade_enabled=boolean(raw.get("trade_enabled", True), "trade_enabled"),
        feed=_feed(raw.get("feed")),
    )


def _check_options(strategy: str, symbol: str, exits: Mapping[str, Any]) -> None:
    """What is held is an option that lives for hours: what its symbol and its exits can be."""
    if symbol not in DAILY_OPTIONS:
        names = ", ".join(DAILY_OPTIONS)
        raise InvalidInput(
            f"symbol: {strategy} buys options that expire today, on one of {names}; found {symbol}.", field="symbol"
        )
    if uses_atr(msgspec.convert(exits, ExitConfig, strict=False)):
        raise InvalidInput(
            f"exits: {strategy} holds an option, which has no average true range; give distances as fractions of what "
            "is paid, in points or in ticks.",
            field="exits",
        )


def params_document(strategy: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy's parameters, complete with its defaults, as JSON values."""
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"params: an object of parameters was expected, found {raw!r}.", field="params")
    document: dict[str, Any] = msgspec.to_builtins(parse_params(STRATEGIES[strategy], raw))
    return document


def exits_document(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The exits as JSON values without what is not used; empty means: none."""
    if not raw:
        return {}
    try:
        exits = msgspec.convert(raw, ExitConfig, strict=False)
    except msgspec.ValidationError as error:
        message = str(error)
        match = _PATH.search(message)
        field = f"exits.{match[1]}" if match else "exits"
        sentence = message[: match.start()] if match else message
        raise InvalidInput(f"{field}: {sentence.replace('`', '')}.", field=field) from error
    check_exits(exits)
    document: dict[str, Any] = msgspec.to_builtins(exits)
    defaults = {"atr_period": ExitConfig.__struct_defaults__[-1]}
    return {
        name: value for name, value in document.items() if value not in (None, [], ()) and defaults.get(name) != value
    }


def boolean(value: Any, field: str) -> bool:
    """True or false, also as the words older clients send."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _YES | _NO:
        return word in _YES
    raise InvalidInput(f"{field}: true or false was expected, found {value!r}.", field=field)


def quantity(value: Any, field: str) -> Decimal:
    """An exact quantity ≥ 0, from a number or its text; empty is 0."""
    text = "" if value is None else str(value).strip()
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= _LARGEST_QUANTITY:
        raise InvalidInput(f"{field}: a quantity of 0 or more was expected, found {value!r}.", field=field)
    return number


def _quantities(raw: Mapping[str, Any], kind: AssetClass) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise InvalidInput(f"quantities: an object account → quantity was expected, found {raw!r}.", field="quantities")
    check: QuantityCheck = import_string(settings.QUANTITY_CHECK)
    found: dict[str, str] = {}
    for account, value in raw.items():
        number = quantity(value, f"quantities.{account}")
        try:
            check(account=account, asset_class=kind, quantity=number)
        except NotFound as error:
            raise InvalidInput(f"quantities.{account}: {error.detail}", field=f"quantities.{account}") from error
        found[account] = f"{number.normalize():f}"
    return found


def _strategy(value: Any) -> str:
    if not value or not isinstance(value, str):
        raise InvalidInput(f"strategy: one of {', '.join(STRATEGIES)} was expected, found {value!r}.", field="strategy")
    try:
        return STRATEGIES.canonical(value)
    except NotFound as error:
        raise InvalidInput(f"strategy: {error.detail}", field="strategy") from error


def _feed(value: Any) -> str:
    name = "" if value is None else str(value).strip()
    if name and not _FEED.fullmatch(name):
        raise InvalidInput(f"feed: the name of a feed such as dxlink was expected, found {value!r}.", field="feed")
    return name


def _text(raw: Mapping[str, Any], field: str) -> str:
    value = raw.get(field)
    if value is None or isinstance(value, bool) or not str(value).strip():
        raise InvalidInput(f"{field}: a value was expected, found {value!r}.", field=field)
    return str(value)
