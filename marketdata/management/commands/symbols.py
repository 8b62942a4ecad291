"""`./run manage symbols`: which symbols there are, which are left out and why."""

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from django.core.management import CommandError
from django_typer.management import TyperCommand, command

from engine.errors import FortifiedError
from infra.terminal import AsJson
from marketdata.universe.assets import Asset, Cached
from marketdata.universe.filters import reason_against
from marketdata.universe.presets import write_presets
from marketdata.universe.services import MODES, Universe, choose, default_source, tier_of

Mode = Annotated[str | None, typer.Argument(help=f"{', '.join(MODES)}; else SYMBOL_MODE")]


class Command(TyperCommand):
    """Reads lists of assets; touches no database and no Redis."""

    help = "The universe of symbols: test, list, fetch, benchmark, samples."
    requires_system_checks = ()

    @command()
    def test(
        self,
        symbols: Annotated[list[str], typer.Argument(help="SNOW AACBU …")],
        as_json: AsJson = False,
    ) -> None:
        """What the filters say of each symbol, by what the list knows of it."""
        if not all(each.strip() for each in symbols):
            raise CommandError("symbols: a symbol like SPY was expected, found an empty one")
        known = {each.symbol: each for each in _guarded(default_source().assets)}
        assets = [known.get(each.upper(), Asset(symbol=each.upper())) for each in symbols]
        found = [
            {"symbol": each.symbol, "is_known": each.symbol in known, "tier": tier_of(each),
             "reason": reason_against(each)}
            for each in assets
        ]  # fmt: skip
        lines = [
            f"{each['symbol']}: {each['reason'] or 'accepted'}{'' if each['is_known'] else ' (not in the list)'}"
            for each in found
        ]
        self._write(found, lines, as_json)

    @command(name="list")
    def list_(
        self,
        mode: Mode = None,
        limit: Annotated[int | None, typer.Option(help="Show so many")] = None,
        excluded: Annotated[bool, typer.Option(help="Show what was left out, with the reasons")] = False,
        as_json: AsJson = False,
    ) -> None:
        """The symbols of a mode."""
        found: Universe = _guarded(lambda: choose(mode))
        shown = found.chosen[:limit]
        document = {
            "mode": found.mode, "source": found.source, "count": len(found.chosen), "streamed": found.streamed,
            "polled": len(found.polled), "excluded": [each._asdict() for each in found.excluded], "note": found.note,
            "symbols": [each.symbol for each in shown],
        }  # fmt: skip
        lines = [f"{each.symbol:8} {each.exchange:7} {tier_of(each):6} {each.name}".rstrip() for each in shown]
        if excluded:
            lines += [f"{each.symbol:8} left out: {each.reason}" for each in found.excluded]
        lines.append(_count(found))
        self._write(document, lines, as_json)

    @command()
    def fetch(self) -> None:
        """Read the list of assets anew, whatever its age."""
        source = default_source()
        assets = _guarded(source.fetch if isinstance(source, Cached) else source.assets)
        good = sum(reason_against(each) is None for each in assets)
        self.stdout.write(
            f"{len(assets):,} assets from {source.name}: {good:,} accepted, {len(assets) - good:,} left out"
        )

    @command()
    def benchmark(self, mode: Mode = None, as_json: AsJson = False) -> None:
        """How long it takes to make the list, the first time and again."""
        times: list[float] = []
        for _ in range(2):
            started = time.perf_counter()
            found = _guarded(lambda: choose(mode))
            times.append(time.perf_counter() - started)
        seen = len(found.chosen) + len(found.excluded)
        document = {"mode": found.mode, "assets": seen, "first_s": round(times[0], 6), "again_s": round(times[1], 6)}
        text = f"{found.mode}: {seen} assets in {times[0] * 1e3:.1f} ms, again in {times[1] * 1e3:.1f} ms"
        self._write(document, [text], as_json)

    @command()
    def samples(self, folder: Annotated[Path, typer.Argument(help="Where to write them")] = Path()) -> None:
        """Write .env.popular, .env.all_stocks, .env.large_cap and .env.testing; what is there is left alone."""
        if not folder.is_dir():
            raise CommandError(f"folder: a folder was expected, found {folder}")
        written = write_presets(folder)
        self.stdout.write(f"Written: {', '.join(path.name for path in written) or 'nothing, all four are there'}")

    def _write(self, document: Any, lines: list[str], as_json: bool) -> None:
        self.stdout.write(msgspec.json.encode(document).decode() if as_json else "\n".join(lines))


def _guarded(make: Any) -> Any:
    try:
        return make()
    except FortifiedError as error:
        raise CommandError(error.detail) from error


def _count(found: Universe) -> str:
    text = f"{found.mode}: {len(found.chosen)} symbols from {found.source}, {len(found.excluded)} left out; "
    text += f"{found.streamed} are streamed (MAX_WEBSOCKET_SYMBOLS), {len(found.polled)} polled."
    return f"{text} {found.note}".rstrip()
