"""A book's rules as people write them, checked against the engine's own declarations."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.decision.correlation import CorrelationConfig
from engine.decision.sizing import AnySizing, FixedSize
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.sessions import session_of
from engine.options.synthetic import MODEL, parse_chains
from engine.risk.config import RiskConfig
from trading.runtime.fills import SimulatedFills
from trading.runtime.policy import ExecutionPolicy

T = TypeVar("T", bound=msgspec.Struct)
_PATH = re.compile(r" - at `\$\.?(.*)`$")


class Sizes(msgspec.Struct, frozen=True):
    """How much each strategy trades where that is not the quantity of its ticker. `capital` is the cash at each account
    that sizes by equity begin with; what was earned there since counts, too."""

    capital: dict[str, Decimal] = {}
    strategies: dict[str, AnySizing] = {}

    @property
    def by_equity(self) -> list[str]:
        """Strategies whose size depends on cash."""
        return [name for name, method in self.strategies.items() if not isinstance(method, FixedSize)]


def risk_limits(document: dict[str, Any]) -> RiskConfig:
    """The limits in `document`; `InvalidInput` names the one that is wrong. Empty: nothing is limited.

    Numbers may come as text, as forms send them.
    """
    found = _read(document, RiskConfig, "risk", "limit")
    try:
        session_of(found.calendar)
    except FortifiedError as error:
        raise InvalidInput(f"risk.{error.detail}", field="risk") from error
    return found


def sizes(document: dict[str, Any]) -> Sizes:
    """The sizes in `document`. Empty: every strategy trades the quantities of its tickers."""
    found = _read(document, Sizes, "sizing", "part of sizes")
    if found.by_equity and not found.capital:
        names = ", ".join(found.by_equity)
        raise InvalidInput(
            f"sizing.capital: cash at one account at least was expected, as {names} sizes by equity", field="sizing"
        )
    return found


def correlation(document: dict[str, Any]) -> CorrelationConfig | None:
    """What makes an entry the same bet as a position. Empty: nothing, bets may repeat each other."""
    if not document and isinstance(document, dict):
        return None
    found = _read(document, CorrelationConfig, "correlation", "part of the correlation")
    if not 0 < found.limit <= 1:
        raise InvalidInput(
            f"correlation.limit: more than 0, at most 1 was expected, found {found.limit:g}", field="correlation"
        )
    if not 2 <= found.min_bars <= found.window:
        raise InvalidInput(
            f"correlation.min_bars: 2 to {found.window} (the window) was expected, found {found.min_bars}",
            field="correlation",
        )
    return found


def simulated_fills(document: dict[str, Any]) -> SimulatedFills:
    """How orders of a book without real accounts are filled. Empty: at the touch, without costs."""
    found = _read(document, SimulatedFills, "fills", "part of the fills")
    try:
        found.venue({})
        _ = found.rates
    except InvalidInput as error:
        raise InvalidInput(f"fills.{error.detail}", field="fills") from error
    return found


def execution_policy(document: dict[str, Any]) -> ExecutionPolicy:
    """What the book does at its accounts, and when something is not as it should be. Empty: the defaults."""
    found = _read(document, ExecutionPolicy, "execution", "part of the execution policy")
    try:
        if found.chains.partition(":")[0] == MODEL:
            parse_chains(found.chains)
    except InvalidInput as error:
        raise InvalidInput(f"execution.chains: {error.detail.removeprefix('chains: ')}", field="execution") from error
    return found


CHECKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "risk": risk_limits,
    "sizing": sizes,
    "correlation": correlation,
    "fills": simulated_fills,
    "execution": execution_policy,
}


def _read(document: dict[str, Any], kind: type[T], name: str, what: str) -> T:
    if not isinstance(document, dict):
        raise InvalidInput(f"{name}: an object of {what}s was expected, found {document!r}", field=name)
    known = kind.__struct_fields__
    for each in document:
        if each not in known:
            raise InvalidInput(f"{name}.{each} is not a {what}; there are: {', '.join(known)}", field=name)
    found = _converted(document, kind, name)
    for path, value in _numbers(found, name):
        if not value >= 0:
            raise InvalidInput(f"{path}: 0 or more was expected, found {value}", field=name)
    return found


def _converted(document: dict[str, Any], kind: type[T], name: str) -> T:
    try:
        return msgspec.convert(document, kind, strict=False)
    except msgspec.ValidationError as error:
        where = _PATH.search(str(error))
        path = f"{name}.{where[1]}" if where else name
        raise InvalidInput(f"{path}: {_PATH.sub('', str(error)).replace('`', '')}", field=name) from error


def _numbers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every number in it, with the way there."""
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, f"{path}.{name}")
    elif isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        yield path, value
