"""What a person asks of a run over history, and what it comes to: slots, sources, costs. Checked before anything is
read; every refusal names the option."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from backtest.simulation.options import parse_amount, parse_pairs, parse_quantity
from engine.bars.timeframe import canonical
from engine.core.config import RollPolicy
from engine.decision.sizing import AnySizing
from engine.errors import InvalidInput
from engine.exits.config import ExitConfig
from engine.instruments.catalog import normalize_symbol
from engine.instruments.futures import rolls_in_use
from strategies.registry import STRATEGIES, parse_params

BROKER = "paper"
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, kw_only=True)
class Request:
    """As it is typed. `data` has files, or SYMBOL=FILE; without any, `archive` must be set."""

    data: tuple[str, ...] = ()
    archive: bool = False
    use_ticks: bool = False  # of the archive: prints rather than bars
    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = ("1",)  # for all, or STRATEGY=TIMEFRAME
    strategies: tuple[str, ...] = ("ema",)  # keys, or NAME=KEY
    params: tuple[str, ...] = ()  # NAME=VALUE, or STRATEGY.NAME=VALUE
    quantities: tuple[str, ...] = ("1",)  # for all, or SYMBOL=QUANTITY
    fees: str = "none"
    slippage: str = "none"
    fill: str = "touch"
    latency: str = "0"
    participation: str | None = None
    exclude: str = ""
    contract: str | None = None
    mapping: tuple[str, ...] = ()
    time_is: str | None = None
    start: int | None = None  # UTC nanoseconds
    end: int | None = None
    capital: str | None = None
    exits: str | None = None  # JSON of an ExitConfig
    sizing: str | None = None  # JSON of a Sizing
    flat_at_close: bool = False
    roll_close: str | None = None  # futures are closed so many seconds before they roll; None: a root is one series
    intrabar: bool = False  # orders meet the finer bars of which longer ones are put together
    adjust: str = "none"  # or splits
    factors: str | None = None  # a file of splits, for data from files
    chains: str | None = None  # prices of options: synthetic, or synthetic:VOLATILITY


@dataclass(frozen=True, kw_only=True)
class Trader:
    """One strategy of the run."""

    name: str
    kind: str
    timeframe: str
    params: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that has been checked."""

    files: dict[str, Path]  # symbol → file; empty where the archive is read
    symbols: tuple[str, ...]
    traders: tuple[Trader, ...]
    quantities: dict[str, Decimal]
    capital: Decimal | None
    exits: ExitConfig | None
    sizing: AnySizing | None
    rolls: RollPolicy | None


def check(request: Request) -> Asked:
    """What the request comes to; `InvalidInput` names the option that is wrong."""
    files, symbols = _sources(request)
    if request.adjust not in ("none", "splits"):
        raise InvalidInput(f"adjust: expected none or splits, found {request.adjust!r}", field="adjust")
    return Asked(
        files=files,
        symbols=symbols,
        traders=tuple(_traders(request)),
        quantities=_quantities(request.quantities, symbols),
        capital=None if request.capital is None else parse_amount(request.capital, field="capital"),
        exits=_parsed(request.exits, ExitConfig, field="exits"),
        sizing=_parsed(request.sizing, AnySizing, field="sizing"),
        rolls=_rolls(request.roll_close),
    )


def _rolls(seconds: str | None) -> RollPolicy | None:
    """By the rules of this process, as a book on paper has them."""
    if seconds is None:
        return None
    return RollPolicy(rolls_in_use(), float(parse_amount(seconds, field="roll_close")))


def _sources(request: Request) -> tuple[dict[str, Path], tuple[str, ...]]:
    symbols = tuple(dict.fromkeys(normalize_symbol(symbol) for symbol in request.symbols))
    if request.archive:
        if request.data:
            raise InvalidInput("data: either files or --from-archive, not both", field="data")
        if not symbols:
            raise InvalidInput("symbol: which symbols of the archive? Give --symbol", field="symbol")
        return {}, symbols
    if not request.data:
        raise InvalidInput("data: expected --data FILE, --data SYMBOL=FILE or --from-archive", field="data")
    named, plain = _files(request.data)
    unnamed = [symbol for symbol in symbols if symbol not in named]
    if plain and not unnamed:
        raise InvalidInput(f"symbol: which symbol is in {plain[0].name}? Give --symbol", field="symbol")
    if len(plain) > 1:
        raise InvalidInput("data: of several files each needs its symbol: --data SYMBOL=FILE", field="data")
    if unnamed and not plain:
        raise InvalidInput(f"data: there is no file for {unnamed[0]}: --data {unnamed[0]}=FILE", field="data")
    files = named | (dict.fromkeys(unnamed, plain[0]) if plain else {})
    order = [*symbols, *(symbol for symbol in named if symbol not in symbols)]
    return {symbol: files[symbol] for symbol in order}, tuple(order)


def _files(texts: Iterable[str]) -> tuple[dict[str, Path], list[Path]]:
    named: dict[str, Path] = {}
    plain: list[Path] = []
    for text in texts:
        symbol, separator, name = text.partition("=")
        if separator and not Path(text).is_file():
            named[normalize_symbol(symbol)] = _file(name)
        else:
            plain.append(_file(text))
    return named, plain


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise InvalidInput(f"file: {path} is no file", field="file")
    return path


def _traders(request: Request) -> Iterable[Trader]:
    kinds = _kinds(request.strategies)
    params = _params_of(request.params, kinds)
    timeframes = _timeframes(request.timeframes, kinds)
    for name, kind in kinds.items():
        checked = parse_params(kind, params[name])
        values = {field: getattr(checked, field) for field in checked.__struct_fields__}
        yield Trader(name=name, kind=kind, timeframe=timeframes[name], params=values)


def _kinds(texts: Sequence[str]) -> dict[str, str]:
    """The strategies' names in the run → their keys in the registry."""
    if not texts:
        raise InvalidInput("strategy: at least one was expected", field="strategy")
    found: dict[str, str] = {}
    for text in texts:
        name, separator, kind = text.partition("=")
        key = STRATEGIES.canonical(kind if separator else name)
        name = name if separator else key
        if name in found:
            raise InvalidInput(
                f"strategy: {name} is there twice; give the second a name of its own: --strategy NAME={key}",
                field="strategy",
            )
        found[name] = key
    return found


def _params_of(texts: Sequence[str], kinds: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Each strategy's own parameters: those that name it, and of the others those that it has."""
    found: dict[str, dict[str, Any]] = {name: {} for name in kinds}
    for key, value in parse_pairs(texts, field="param").items():
        owner, separator, name = key.partition(".")
        if separator:
            if owner not in found:
                raise InvalidInput(f"param: no strategy {owner!r} is in this run: {', '.join(kinds)}", field="param")
            found[owner][name] = value
            continue
        takers = list(kinds) if len(kinds) == 1 else [n for n, kind in kinds.items() if _has(kind, key)]
        if not takers:
            raise InvalidInput(f"param: none of {', '.join(kinds)} has a parameter {key!r}", field="param")
        for taker in takers:
            found[taker].setdefault(key, value)
    return found


def _has(kind: str, name: str) -> bool:
    strategy = STRATEGIES[kind]
    return name in strategy.Params.__struct_fields__ or name not in strategy.normalize({name: None})


def _timeframes(texts: Sequence[str], kinds: dict[str, str]) -> dict[str, str]:
    default, own = "1", {}
    for text in texts:
        name, separator, timeframe = text.partition("=")
        if not separator:
            default = canonical(text)
        elif name in kinds:
            own[name] = canonical(timeframe)
        else:
            raise InvalidInput(f"timeframe: no strategy {name!r} is in this run: {', '.join(kinds)}", field="timeframe")
    return {name: own.get(name, default) for name in kinds}


def _quantities(texts: Sequence[str], symbols: Sequence[str]) -> dict[str, Decimal]:
    default, own = Decimal(1), {}
    for text in texts:
        symbol, separator, quantity = text.partition("=")
        if not separator:
            default = parse_quantity(text)
        elif normalize_symbol(symbol) in symbols:
            own[normalize_symbol(symbol)] = parse_quantity(quantity)
        else:
            raise InvalidInput(f"quantity: no symbol {symbol!r} is in this run: {', '.join(symbols)}", field="quantity")
    return {symbol: own.get(symbol, default) for symbol in symbols}


def _parsed(text: str | None, kind: Any, *, field: str) -> Any:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except msgspec.DecodeError as error:
        raise InvalidInput(f"{field}: {error}; found {text!r}", field=field) from error
