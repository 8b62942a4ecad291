"""`./run manage strategy`: start, stop and steer strategies, and their tickers."""

import json
from typing import Annotated, Any

import typer
from django_typer.management import TyperCommand, command

from engine.errors import InvalidInput
from infra.terminal import AsJson, Yes, confirm, refusals, show
from strategies import selectors as ticker_selectors
from strategies import services as ticker_services
from strategies.models import Ticker
from trading import selectors, services
from trading.management.commands.book import By, OfSymbol, person, told

Name = Annotated[str, typer.Argument(help="ema, supertrend …; a wrong one is told with what was meant")]
Pairs = list[str] | None


class Command(TyperCommand):
    """On paper: real money is started on the page or by API, where a person confirms it."""

    help = "Strategies: status, start, stop, signal; their tickers: tickers, ticker, remove."

    @command()
    def status(self, strategy: Annotated[str, typer.Argument()] = "", as_json: AsJson = False) -> None:
        """What each strategy does now, slot by slot."""
        with refusals():
            found = selectors.trading_status(strategy=strategy)
            rows = found if as_json else [_status(each) for each in found]
            show(self.stdout, rows, as_json=as_json, empty="No strategy was ever started.")

    @command()
    def start(self, strategy: Name, symbol: OfSymbol = "", by: By = "") -> None:
        """Start it on its tickers, on paper."""
        with refusals():
            run = services.start_strategy(user=person(by), strategy=strategy, symbol=symbol)
            on = ", ".join(slot["symbol"] for slot in run.slots)
            self.stdout.write(f"Run {run.pk}: {run.strategy} on {on} in book {run.book.name}")

    @command()
    def stop(
        self,
        strategy: Name,
        flatten: Annotated[bool, typer.Option("--flatten", help="Close what it holds; else its exits go on")] = False,
        reason: str = "",
        by: By = "",
        yes: Yes = False,
    ) -> None:
        """No new entries from it, in whichever books it runs."""
        with refusals():
            if flatten:
                confirm(f"Stop {strategy} and close what it holds?", yes=yes)
            for run in services.stop_strategy(user=person(by), strategy=strategy, flatten=flatten, reason=reason):
                self.stdout.write(
                    f"Run {run.pk} of {run.strategy} in book {run.book.name} was stopped: {run.stop_reason}"
                )

    @command()
    def signal(
        self,
        strategy: Name,
        symbol: str,
        action: Annotated[str, typer.Argument(help=", ".join(services.ACTIONS))],
        by: By = "",
    ) -> None:
        """A person's signal for a running strategy."""
        with refusals():
            record = services.manual_signal(user=person(by), strategy=strategy, symbol=symbol, action=action)
            self.stdout.write(told(record))

    @command()
    def tickers(self, strategy: Annotated[str, typer.Argument()] = "", as_json: AsJson = False) -> None:
        """What each strategy trades, with its parameters."""
        with refusals():
            found = ticker_selectors.tickers(strategy=strategy)
            show(self.stdout, [_ticker(each) for each in found], as_json=as_json, empty="No ticker yet.")

    @command()
    def ticker(
        self,
        strategy: Name,
        symbol: str,
        timeframe: Annotated[str | None, typer.Option(help="1, 5, 144t, 1h …")] = None,
        quantity: Annotated[Pairs, typer.Option(help="ACCOUNT=NUMBER, such as paper=1; may be repeated")] = None,
        param: Annotated[Pairs, typer.Option(help="NAME=VALUE, such as fast=9; may be repeated")] = None,
        enabled: Annotated[bool | None, typer.Option(help="Whether it may enter")] = None,
        feed: Annotated[str | None, typer.Option(help="A feed's name; empty: the default feed")] = None,
        by: By = "",
    ) -> None:
        """Add a ticker, or change what the options name; runs under way keep what they were started with."""
        with refusals():
            chosen = {"timeframe": timeframe, "trade_enabled": enabled, "feed": feed}
            saved, is_new = ticker_services.save_ticker(
                user=person(by),
                strategy=strategy,
                symbol=symbol,
                quantities=_pairs(quantity, "quantity"),
                params={name: _value(text) for name, text in _pairs(param, "param").items()},
                **{name: value for name, value in chosen.items() if value is not None},
            )
            self.stdout.write(f"{saved.strategy} on {saved.symbol} was {'added' if is_new else 'saved'}")

    @command()
    def remove(self, strategy: Name, symbol: str, by: By = "", yes: Yes = False) -> None:
        """Remove a ticker; what a run holds of it stays guarded by the run."""
        with refusals():
            confirm(f"Remove {symbol} from {strategy}?", yes=yes)
            ticker_services.delete_ticker(user=person(by), strategy=strategy, symbol=symbol)
            self.stdout.write(f"{strategy} has no ticker {symbol} any more")


def _status(found: dict[str, Any]) -> dict[str, Any]:
    slots = (f"{slot['symbol']} {slot['timeframe']} {slot.get('state', '')}".strip() for slot in found["slots"])
    return {
        "strategy": found["strategy"],
        "state": found["state"],
        "book": found.get("book", ""),
        "halted": found.get("halt_reason") or bool(found.get("halted")),
        "slots": ", ".join(slots),
    }


def _ticker(each: Ticker) -> dict[str, Any]:
    return {
        "strategy": each.strategy, "symbol": each.symbol, "timeframe": each.timeframe, "quantities": each.quantities,
        "enabled": each.trade_enabled, "params": each.params, "feed": each.feed, "version": each.version,
    }  # fmt: skip


def _pairs(given: Pairs, option: str) -> dict[str, str]:
    found = {}
    for each in given or ():
        name, sign, value = each.partition("=")
        if not (name and sign and value):
            raise InvalidInput(f"--{option}: NAME=VALUE was expected, found {each!r}", field=option)
        found[name.strip()] = value.strip()
    return found


def _value(text: str) -> Any:
    """A number, a truth or a list as JSON has them; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
