"""`./run manage weights`: how capital may be shared between the strategies of a book or of simulated runs."""

from pathlib import Path
from typing import Annotated, Any

from django_typer.management import TyperCommand
from rich.table import Table
from typer import Option

from backtest.report.weights import view
from dashboard.weights import Weighed, apply_weights, factors_of, weigh
from engine.analytics.allocation import STEP, WINDOW
from engine.analytics.bounded import Bounds
from infra.terminal import AsJson, Yes, confirm, console, refusals, write_json
from infra.web.actor import actor_of


class Command(TyperCommand):
    """Changes nothing, unless `--apply` names a method and `--by` who does it, and that person says yes."""

    help = "Weighs the strategies of a book or of runs, and judges each way on days that it has not seen."

    def handle(
        self,
        book: Annotated[str, Option(help="The ledger of this book.")] = "",
        days: Annotated[int | None, Option(help="Of the ledger, the last so many days.")] = None,
        report: Annotated[list[Path] | None, Option(help="What backtest --report has written. Repeatable.")] = None,
        least: Annotated[float, Option(help="The least share of the capital for each.")] = 0.0,
        most: Annotated[float, Option(help="The largest share for one.")] = 1.0,
        turnover: Annotated[float, Option(help="What may move at a time, as a share of the capital.")] = 1.0,
        window: Annotated[int, Option(help="Trading days from which weights are chosen.")] = WINDOW,
        step: Annotated[int, Option(help="Trading days until they are chosen anew.")] = STEP,
        apply: Annotated[str, Option(help="Scale the tickers to the shares of this method.")] = "",
        by: Annotated[str, Option(help="With --apply: the e-mail address of the account that does it.")] = "",
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        with refusals():
            weighed = weigh(
                book=book,
                days=days,
                reports=tuple(report or ()),
                bounds=Bounds(least, most, turnover),
                window=window,
                step=step,
            )
            changed = _apply(weighed, apply, by, yes=yes) if apply else []
        if as_json:
            document = weighed.document | {
                "applied": {"method": apply, "by": by, "tickers": changed} if apply else None
            }
            write_json(document)
        else:
            _show(weighed, changed)


def _apply(weighed: Weighed, method: str, by: str, *, yes: bool) -> list[dict[str, Any]]:
    user = actor_of(by)
    factors = ", ".join(
        f"{strategy} on {symbol} × {factor:.4g}" for (strategy, symbol), factor in factors_of(weighed, method).items()
    )
    confirm(f"The sizes of these tickers change at all their accounts, those of real money too: {factors}.", yes=yes)
    return apply_weights(user=user, weighed=weighed, method=method)


def _show(weighed: Weighed, changed: list[dict[str, Any]]) -> None:
    out = console()
    shown = view(weighed.document)
    table = Table(title=f"Shares of the capital, from {weighed.document['days']} trading days")
    for name in ("", *shown["parts"], "Sharpe, days not seen", "drawdown", "difference to equal", ""):
        table.add_column(name, justify="right" if name else "left")
    for row in shown["rows"]:
        table.add_row(row["name"], *row["shares"], row["sharpe"], row["drawdown"], row["interval"], row["verdict"])
    out.print(table)
    out.print(shown["advice"])
    for warning in shown["warnings"]:
        out.print(f"warning: {warning}")
    for each in changed:
        out.print(f"changed: {each['strategy']} on {each['symbol']}: {each['before']} → {each['after']}")
