"""`./run manage loglevel`: how much running processes log, without starting them again."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from django.conf import settings
from django_typer.management import TyperCommand

from infra.log_levels import Chosen, choose, chosen, take_back
from infra.logging import LEVELS
from infra.redis.client import sync_client
from infra.terminal import AsJson, refusals, show


class Command(TyperCommand):
    """Without arguments: what is chosen now."""

    help = "Chooses a level of logging that every running process follows within seconds; --default takes it back."
    requires_system_checks = ()

    def handle(
        self,
        name: Annotated[
            str, typer.Argument(help="root for everything, trades, notices, or a module: trading.runtime")
        ] = "",
        level: Annotated[str, typer.Argument(help=", ".join(LEVELS))] = "",
        minutes: Annotated[float | None, typer.Option(help="Take it back by itself after so long")] = None,
        default: Annotated[
            bool, typer.Option("--default", help="What LOG_LEVEL says again; without NAME for all")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        client = sync_client(settings.REDIS_URL)
        with refusals():
            if default:
                take_back(client, name or None)
            elif name:
                choose(client, name, level, for_s=None if minutes is None else minutes * 60)
            rows = [_row(each, found) for each, found in chosen(client).items()]
        show(self.stdout, rows, as_json=as_json, empty=f"Nothing is chosen: LOG_LEVEL={settings.LOG_LEVEL} rules.")


def _row(name: str, found: Chosen) -> dict[str, Any]:
    until = None if found.until is None else datetime.fromtimestamp(found.until, UTC).isoformat(timespec="seconds")
    left = "" if found.until is None else f"{(found.until - time.time()) / 60:.0f} min left"
    return {"logger": name, "level": found.level, "until": until, "left": left}
