"""How the capital of a book, or of simulated runs, may be shared between its strategies; and doing so, when told to."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from backtest.report.parts import Parts, parts_of_documents
from backtest.report.weights import weights_document
from dashboard.ledger_report import ledger_report
from engine.analytics.allocation import STEP, WINDOW
from engine.analytics.bounded import Bounds
from engine.analytics.weights import METHODS
from engine.errors import InvalidInput
from infra.web.actor import Actor
from strategies.allotment import scale_quantities


class Weighed(msgspec.Struct, frozen=True):
    """The parts, and the document that the report shows of them."""

    parts: Parts
    document: dict[str, Any]


def weigh(
    *,
    book: str = "",
    days: int | None = None,
    reports: tuple[Path, ...] = (),
    bounds: Bounds = Bounds(),  # frozen
    window: int = WINDOW,
    step: int = STEP,
) -> Weighed:
    """From a book's ledger (of the last `days`), or from reports of runs as `backtest --report` writes them."""
    if bool(book) == bool(reports):
        raise InvalidInput("book, report: one of them was expected", field="book")
    parts = parts_of_documents([ledger_report(book=book, days=days)] if book else [_read(path) for path in reports])
    document = weights_document(parts, bounds, window=window, step=step)
    if document is None:
        raise InvalidInput("parts: two strategies or symbols at least were expected, found one", field="parts")
    return Weighed(parts, document)


def factors_of(weighed: Weighed, method: str) -> dict[tuple[str, str], float]:
    """What that method multiplies the size of each strategy on each symbol by."""
    if method not in METHODS:
        raise InvalidInput(f"apply: one of {', '.join(METHODS)} was expected, found {method!r}", field="apply")
    factors: list[float] = weighed.document["proposals"][method]["factors"]
    keys = [(part.strategy, part.symbol) for part in weighed.parts.parts]
    return dict(zip(keys, factors, strict=True))


def apply_weights(*, user: Actor, weighed: Weighed, method: str) -> list[dict[str, Any]]:
    """Scale every ticker's quantities to the shares of that method; what they were and what they are."""
    parts = weighed.parts.parts
    traded: dict[tuple[str, str], Decimal] = {(part.strategy, part.symbol): part.quantity for part in parts}
    changed = scale_quantities(user=user, factors=factors_of(weighed, method), traded=traded)
    return [
        {"strategy": ticker.strategy, "symbol": ticker.symbol, "before": before, "after": ticker.quantities}
        for ticker, before in changed
    ]


def _read(path: Path) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"report: {path} cannot be read: {error.strerror}", field="report") from error
    except msgspec.DecodeError as error:
        raise InvalidInput(f"report: {path} is no JSON: {error}", field="report") from error
