"""`./run manage feed`: the configured feeds and what they carry."""

import json
from typing import Annotated, Any

import typer
from django_typer.management import TyperCommand, command

from engine.errors import InvalidInput
from infra.terminal import AsJson, read_secret, refusals, show
from marketdata import selectors, services
from marketdata.feeds.registry import FEEDS
from marketdata.selectors import FeedStatus, SymbolState

Name = Annotated[str, typer.Argument(help="As the admin calls it")]


class Command(TyperCommand):
    """A running feed that is disabled ends by itself; an enabled one is started by the supervisor."""

    help = "Feeds: list, symbols, kinds, save, enable, disable."

    @command(name="list")
    def list_(self, as_json: AsJson = False) -> None:
        """Every feed: whether it runs, where, and how much of what its vendor allows it carries."""
        with refusals():
            rows = [_feed(each) for each in selectors.feed_statuses()]
        show(self.stdout, rows, as_json=as_json, empty="No feed yet.")

    @command()
    def symbols(self, as_json: AsJson = False) -> None:
        """Every symbol that is carried, and whether its data may be believed."""
        with refusals():
            rows = [_symbol(each) for each in selectors.carried_symbol_states()]
        show(self.stdout, rows, as_json=as_json, empty="No feed carries a symbol.")

    @command()
    def kinds(self, as_json: AsJson = False) -> None:
        """The kinds of feeds there are."""
        rows = [{"kind": name, "summary": FEEDS[name].summary} for name in sorted(FEEDS)]
        show(self.stdout, rows, as_json=as_json, empty="No kind.")

    @command()
    def save(
        self,
        name: Name,
        kind: Annotated[str, typer.Argument(help="./run manage feed kinds lists them")],
        url: Annotated[str, typer.Option(help="Where tokens are fetched; empty: the vendor's")] = "",
        token: Annotated[
            bool, typer.Option("--token", help="Ask for the access token, or read it where piped in")
        ] = False,
        options: Annotated[str, typer.Option(help='JSON of what this kind lets one choose, {"venue": "SIP"}')] = "{}",
        default: Annotated[bool, typer.Option("--default", help="Serves every ticker that names no feed")] = False,
    ) -> None:
        """Add a feed, or change it; without --token its secret stays as it is."""
        with refusals():
            secret = read_secret("Token: ") if token else None
            saved = services.save_feed(
                name=name, kind=kind, api_url=url, token=secret, options=_options(options), is_default=default
            )
            self.stdout.write(f"Feed {saved} was saved")

    @command()
    def enable(self, name: Name) -> None:
        """Let it run."""
        with refusals():
            self.stdout.write(f"Feed {services.switch_feed(name=name, is_enabled=True)} is enabled")

    @command()
    def disable(self, name: Name) -> None:
        """Let it end."""
        with refusals():
            self.stdout.write(f"Feed {services.switch_feed(name=name, is_enabled=False)} is disabled")


def _feed(feed: FeedStatus) -> dict[str, Any]:
    return {
        "feed": feed.name,
        "kind": feed.kind,
        "state": "running" if feed.is_running else "enabled, not running" if feed.is_enabled else "disabled",
        "default": feed.is_default,
        "process": feed.owner or "none",
        "symbols": feed.carried,
        "refused": "; ".join(f"{symbol}: {why}" for symbol, why in feed.refused.items()),
    }


def _symbol(state: SymbolState) -> dict[str, Any]:
    return {"symbol": state.symbol, "feed": state.feed, "state": state.state, "reason": state.reason}


def _options(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--options: a JSON object was expected, found {text!r}", field="options") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"--options: a JSON object was expected, found {text!r}", field="options")
    return found
