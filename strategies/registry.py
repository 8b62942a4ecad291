"""The strategies there are, by their keys: the built-in ones, and those that users bring in a folder or a package."""

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import strategies.library
from engine.errors import FortifiedError
from engine.indicators.graph import plan
from engine.instruments.catalog import asset_class_of
from engine.instruments.instrument import AssetClass
from engine.registry import Registry, discover
from engine.strategy import params as engine_params
from engine.strategy.base import Strategy
from strategies.library.registration import STRATEGIES

ENTRY_POINTS = "fortified.strategies"
_HANDLERS = ("on_bar", "on_other_bar", "on_tick")


class StrategyRefused(FortifiedError):
    """A user's strategy cannot be used; the message names its file or package and what is wrong. Nothing of it is
    registered."""

    code = "strategy_refused"


def deciding() -> list[str]:
    """The strategies that have wishes of their own; `manual` only keeps what persons order."""
    return [name for name in STRATEGIES if decides(name)]


def decides(name: str) -> bool:
    """Whether the strategy has wishes of its own."""
    kind = STRATEGIES[name]
    return any(getattr(kind, handler) is not getattr(Strategy, handler) for handler in _HANDLERS)


def parse_params(strategy: str, raw: Mapping[str, Any]) -> Any:
    """The checked parameters of the strategy with that key; `InvalidInput` names the field that is wrong."""
    return engine_params.parse_params(STRATEGIES[strategy], raw)


def trades_options(strategy: str, params: Mapping[str, Any]) -> bool:
    """Whether that strategy buys options on its symbol rather than the symbol."""
    kind = STRATEGIES[strategy]
    return kind.contracts(engine_params.parse_params(kind, params)) is not None


def traded_class(strategy: str, symbol: str, params: Mapping[str, Any]) -> AssetClass:
    """The class of what is ordered for a slot of that strategy on `symbol`."""
    return AssetClass.OPTION if trades_options(strategy, params) else asset_class_of(symbol)


def load_folder(folder: Path, registry: Registry[type[Strategy]] = STRATEGIES) -> list[str]:
    """Import every `*.py` of `folder` (in the order of their names; a leading `_` leaves one out); the new keys.

    A file registers with `@STRATEGIES.register("key")`, imported from here. The first file that raises, registers
    nothing, takes a key that is taken, or whose strategy does not work with its defaults is refused by its name.
    """
    if not folder.is_dir():
        raise StrategyRefused(f"{folder}: a folder of strategies was expected, found none")
    found: list[str] = []
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            with _refused_as(path.name, registry, found):
                _import_file(path)
    return found


def load_installed(
    points: Iterable[EntryPoint] | None = None, registry: Registry[type[Strategy]] = STRATEGIES
) -> list[str]:
    """Load what installed packages offer as entry points of the group `fortified.strategies`; the new keys.

    An entry point is a strategy class, registered under the entry point's name, or a module that registers its own.
    """
    found: list[str] = []
    for point in entry_points(group=ENTRY_POINTS) if points is None else points:
        package = point.dist.name if point.dist is not None else "a package"
        with _refused_as(f"{point.name} of {package} ({point.value})", registry, found):
            loaded = point.load()
            if isinstance(loaded, type):
                registry.add(point.name, loaded)
    return found


@contextmanager
def _refused_as(name: str, registry: Registry[type[Strategy]], found: list[str]) -> Iterator[None]:
    """Register all of it or nothing; `found` gets the new keys, an error becomes a refusal of `name`."""
    known = set(registry)
    try:
        with registry.all_or_nothing():
            yield
            new = [key for key in registry if key not in known]
            _check(new, registry)
    except Exception as error:  # whatever foreign code raises is told with where it came from
        raise StrategyRefused(f"{name}: {type(error).__name__}: {error}") from error
    found += new


def _check(keys: list[str], registry: Registry[type[Strategy]]) -> None:
    """Every key must be a strategy that can be made with its defaults, and whose indicators exist."""
    if not keys:
        raise StrategyRefused("it registers no strategy")
    for key in keys:
        kind = registry[key]
        if not (isinstance(kind, type) and issubclass(kind, Strategy)):
            raise StrategyRefused(f"{key}: a subclass of Strategy was expected, found {kind!r}")
        strategy = kind(engine_params.parse_params(kind, {}))
        plan(strategy.indicators())
        for specs in strategy.other_indicators().values():
            plan(specs)


def timeframes_of(strategy: str, params: dict[str, Any], *, own: str) -> tuple[str, ...]:
    """The timeframes that a slot of the strategy reads: its own, then those that its strategy declares besides."""
    kind = STRATEGIES[strategy]
    others = kind(engine_params.parse_params(kind, params)).other_indicators()
    return (own, *(timeframe for timeframe in others if timeframe != own))


def _import_file(path: Path) -> None:
    name = f"fortified_user_strategies.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyRefused("it is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # annotations of its classes are looked up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


discover(strategies.library)

__all__ = [
    "STRATEGIES",
    "Registry",
    "Strategy",
    "StrategyRefused",
    "decides",
    "deciding",
    "load_folder",
    "load_installed",
    "parse_params",
]
