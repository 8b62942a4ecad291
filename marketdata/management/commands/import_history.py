"""`./run manage import_history`: files of prints, bars or split factors into the archive."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from django.conf import settings
from django.core.management import CommandError
from django_typer.management import TyperCommand
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.instrument import AssetClass
from engine.model.time import iso
from marketdata.archive.imports.factors import import_factors
from marketdata.archive.imports.run import Imported, ImportOptions, import_file
from marketdata.archive.store import Archive
from marketdata.files.factors import are_factors
from marketdata.management.commands.bars import pairs

KINDS = ("bars", "ticks", "factors")


class Command(TyperCommand):
    """Reads, checks, writes files; touches no database and no Redis."""

    help = "Import prints, bars or split factors from files into the archive, and say which rows were refused and why."
    requires_system_checks = ()

    def handle(
        self,
        files: Annotated[list[Path], typer.Argument(help=".csv, .csv.gz, .parquet, .zip, .dbn or .dbn.zst")],
        kind: Annotated[str, typer.Option(help=f"{', '.join(KINDS)}; else seen from the columns")] = "",
        symbol: Annotated[str | None, typer.Option(help="One symbol; else every one that the file names")] = None,
        contract: Annotated[str | None, typer.Option(help="One futures contract, stored under --symbol")] = None,
        timeframe: Annotated[str | None, typer.Option(help="Of the bars; else seen from their times")] = None,
        time_is: Annotated[str | None, typer.Option(help="What a bar's stamp means: open or close")] = None,
        mapping: Annotated[
            list[str] | None, typer.Option("--map", help="OURS=COLUMN, e.g. price=Last; again for each column")
        ] = None,
        timezone: Annotated[str, typer.Option(help="Zone of times that name none")] = "UTC",
        source: Annotated[str, typer.Option(help="Where it comes from; else the file's name")] = "",
        asset_class: Annotated[
            AssetClass | None, typer.Option(help="Where a name is both a share and a future (ES, CL)")
        ] = None,
        adjusted: Annotated[bool, typer.Option(help="The prices are split-adjusted already")] = False,
        replace: Annotated[bool, typer.Option(help="Put it in the place of whatever is stored of that time")] = False,
        dry_run: Annotated[bool, typer.Option(help="Read and check everything, write nothing")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    ) -> None:
        archive = Archive(settings.ARCHIVE_DIR)
        try:
            if kind and kind not in KINDS:
                raise InvalidInput(f"kind: expected one of {', '.join(KINDS)}; found {kind!r}", field="kind")
            options = ImportOptions(
                kind="" if kind == "factors" else kind, symbol=symbol, contract=contract, timeframe=timeframe,
                time_is=time_is, timezone=timezone, mapping=pairs(mapping or []), source=source,
                asset_class=asset_class, is_adjusted=adjusted, replace=replace, dry_run=dry_run,
            )  # fmt: skip
            done = self._import(archive, files, options, kind)
        except (FortifiedError, OSError) as error:
            raise CommandError(str(error)) from error
        if as_json:
            self.stdout.write(msgspec.json.encode([_document(file, each) for file, each in done]).decode())
        else:
            self.stdout.write(_summary(done, dry_run=dry_run))

    def _import(
        self, archive: Archive, files: list[Path], options: ImportOptions, kind: str
    ) -> list[tuple[Path, Imported]]:
        done: list[tuple[Path, Imported]] = []
        console = Console(stderr=True)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            step = progress.add_task("Reading", total=None)
            for file in files:
                progress.update(step, description=f"Reading {file.name}")
                is_factors = kind == "factors" or (not kind and are_factors(file))
                run = import_factors if is_factors else import_file
                for each in run(archive, file, options):
                    done.append((file, each))
                    progress.update(step, description=f"{file.name}: {each.symbol} {each.timeframe}")
        return done


def _document(file: Path, each: Imported) -> dict[str, Any]:
    return {
        "file": str(file),
        "symbol": each.symbol,
        "kind": each.kind,
        "timeframe": each.timeframe,
        "rows": each.rows,
        "first": iso(each.first) if each.first else None,
        "last": iso(each.last) if each.last else None,
        "added": each.written.added,
        "replaced": each.written.replaced,
        "present": each.written.refused,
        "rejected": [
            {"reason": reason, "rows": count, "first_row": first or None}
            for reason, (count, first) in sorted(each.rejections.items())
        ],
    }


def _summary(done: list[tuple[Path, Imported]], *, dry_run: bool) -> str:
    lines = []
    for file, each in done:
        what = " ".join(part for part in (each.symbol or "the file", each.timeframe, each.kind) if part)
        span = f", {iso(each.first)[:19]} to {iso(each.last)[:19]}" if each.first else ""
        lines.append(f"{file.name}: {what}: {each.rows:,} rows{span}{_outcome(each, dry_run=dry_run)}")
        lines += [
            f"  refused {count:,}: {reason}{f' (first in row {first:,})' if first else ''}"
            for reason, (count, first) in sorted(each.rejections.items())
        ]
    added = sum(each.written.added for _, each in done)
    refused = sum(count for _, each in done for count, _ in each.rejections.values())
    verb = "Nothing was written (--dry-run)" if dry_run else f"{added:,} rows are new in the archive"
    return "\n".join([*lines, f"{verb}; {refused:,} refused."])


def _outcome(each: Imported, *, dry_run: bool) -> str:
    if dry_run:
        return ""
    text = f": {each.written.added:,} new"
    if each.written.replaced:
        text += f", {each.written.replaced:,} stored ones gave way"
    return text + (
        f", {each.written.refused:,} there already or in the way of better ones" * bool(each.written.refused)
    )
