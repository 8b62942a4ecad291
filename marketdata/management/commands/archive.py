"""`./run manage archive`: what is stored, and the upkeep that also runs every night."""

import time
from typing import Annotated, Any

import msgspec
import typer
from django.conf import settings
from django.core.management import CommandError
from django_typer.management import TyperCommand, command

from engine.bars.timeframe import canonical
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.model.time import NS_PER_DAY
from infra.redis.client import sync_client
from infra.terminal import AsJson
from marketdata.archive.archiver import archive_streams
from marketdata.archive.housekeeping import keep_house
from marketdata.archive.layout import BARS, TICKS
from marketdata.archive.store import Archive, Holding
from marketdata.archive.upkeep import compact, retain

Symbol = Annotated[str | None, typer.Option(help="This symbol only")]


class Command(TyperCommand):
    """Each subcommand does one thing and says what it did."""

    help = "Stored history: list it, carry published bars into it, compact it, remove what is old."

    @command(name="list")
    def list_(self, symbol: Symbol = None, as_json: AsJson = False) -> None:
        """What is stored: symbol, timeframe, from when to when, files and size."""
        try:
            held = _archive().holdings(symbol=_name(symbol))
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        if as_json:
            self.stdout.write(msgspec.json.encode([_document(each) for each in held]).decode())
            return
        for each in held:
            what, size = each.timeframe or each.kind, each.size_bytes / 1e6
            self.stdout.write(
                f"{each.symbol:22} {what:6} {each.first} {each.last} {each.files:6,} files {size:9.1f} MB"
            )
        self.stdout.write(f"{len(held)} series in {settings.ARCHIVE_DIR}")

    @command()
    def run(self) -> None:
        """Carry what was published since the last run into the archive, now."""
        done = archive_streams(sync_client(settings.REDIS_URL), _archive())
        self.stdout.write(
            f"{done.bars:,} bars of {done.streams} streams; {done.lost} were trimmed before, {done.failed} failed"
        )

    @command()
    def compact(self, days: Annotated[int, typer.Option(help="Leave the last days alone")] = 7) -> None:
        """Make one file of each month that is over."""
        done = compact(_archive(), before=_ago(days))
        self.stdout.write(f"{done.removed} files became {done.written}; {done.bytes_freed / 1e6:.1f} MB freed")

    @command()
    def retain(
        self,
        kind: Annotated[str, typer.Argument(help=f"{TICKS} or {BARS}")],
        days: Annotated[int, typer.Option(help="Keep so many days")],
        symbol: Symbol = None,
        timeframe: Annotated[str | None, typer.Option(help="These bars only")] = None,
    ) -> None:
        """Remove files whose time ended more than so many days ago."""
        try:
            if kind not in (TICKS, BARS):
                raise InvalidInput(f"kind: {TICKS} or {BARS} was expected, found {kind!r}", field="kind")
            if days < 1:
                raise InvalidInput(f"days: 1 or more was expected, found {days}", field="days")
            name, spelled = _name(symbol), canonical(timeframe) if timeframe else None
            done = retain(_archive(), kind=kind, before=_ago(days), symbol=name, timeframe=spelled)
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"{done.removed} files removed; {done.bytes_freed / 1e6:.1f} MB freed")

    @command()
    def house(self) -> None:
        """What beat does every night: compaction, and retention by the settings."""
        done = keep_house(_archive())
        self.stdout.write(f"{done.removed} files removed, {done.written} written")


def _archive() -> Archive:
    return Archive(settings.ARCHIVE_DIR)


def _name(symbol: str | None) -> str | None:
    return normalize_symbol(symbol) if symbol else None


def _ago(days: int) -> int:
    return time.time_ns() - days * NS_PER_DAY


def _document(each: Holding) -> dict[str, Any]:
    return {**each._asdict(), "first": str(each.first), "last": str(each.last)}
