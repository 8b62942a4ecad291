"""`./run manage backfill`: fetch history, go on with a job that was interrupted, compare days with the vendor."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import msgspec
import typer
from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone
from django_typer.management import TyperCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import normalize_symbol
from marketdata.archive.store import Archive
from marketdata.backfill import services
from marketdata.backfill.plan import depths, depths_in_words
from marketdata.backfill.reports import compare
from marketdata.backfill.sources import ArchiveHistory, FeedHistory, HistorySource
from marketdata.host import make_feed
from marketdata.models import BackfillJob, FeedSource, HistoryDay
from marketdata.universe.services import choose


class Command(TyperCommand):
    """Works in this process, whether or not any worker runs."""

    help = "Fetch history into the archive, or compare it with the vendor's (--compare)."

    def handle(
        self,
        symbols: Annotated[list[str] | None, typer.Argument(help="SPY /NQ …; none: the symbols of SYMBOL_MODE")] = None,
        timeframe: Annotated[str, typer.Option(help="1, 5Min, 1h, 1d, 144t …")] = "1d",
        days: Annotated[int | None, typer.Option(help="How far back; else as --depths says")] = None,
        start: Annotated[str | None, typer.Option(help="From this day or moment (UTC), 2026-11-01")] = None,
        end: Annotated[str | None, typer.Option(help="Until this day or moment; else now")] = None,
        source: Annotated[str, typer.Option(help="A feed's name, or archive; else the default feed")] = "",
        resume: Annotated[int | None, typer.Option(help="Go on with this job, failed symbols included")] = None,
        enqueue: Annotated[bool, typer.Option(help="Only write the job down; the workers do it")] = False,
        is_asking: Annotated[bool, typer.Option("--depths", help="Only say how far back a backfill goes")] = False,
        is_comparing: Annotated[bool, typer.Option("--compare", help="Compare the last --days (1) instead")] = False,
        adopt: Annotated[bool, typer.Option(help="With --compare: the vendor's bars replace what differs")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
    ) -> None:
        if is_asking:
            self._write([{**depths(), "text": depths_in_words()}], as_json)
            return
        try:
            _check(
                days=days, compare=is_comparing, resume=resume is not None, start=start, end=end, adopt=adopt,
                enqueue=enqueue, symbols=bool(symbols),
            )  # fmt: skip
            names = symbols or ([] if resume else [each.symbol for each in choose().chosen])
            if is_comparing:
                self._write([_report(each) for each in _compare(names, timeframe, days or 1, source, adopt)], as_json)
                return
            job = services.retry_failed(job_id=resume) if resume else services.create_job(
                symbols=names, timeframe=timeframe, source=source, days=days, start=_moment(start, "start"),
                end=_moment(end, "end"),
            )  # fmt: skip
            if not enqueue and job.state != BackfillJob.State.DONE:
                job = _run(job)
        except FortifiedError as error:
            raise CommandError(error.detail) from error
        self._write([_outcome(job)], as_json)
        if job.state == BackfillJob.State.FAILED:
            raise CommandError(f"{job.error}; go on with --resume {job.pk}")

    def _write(self, documents: list[dict[str, Any]], as_json: bool) -> None:
        if as_json:
            self.stdout.write(msgspec.json.encode(documents if len(documents) != 1 else documents[0]).decode())
            return
        for document in documents:
            self.stdout.write(document["text"])


def _check(*, days: int | None, compare: bool, resume: bool, **given: object) -> None:
    """No option is passed over in silence."""
    if days is not None and days < 1:
        raise InvalidInput(f"days: 1 or more was expected, found {days}", field="days")
    of_a_span = [name for name in ("start", "end", "enqueue") if given[name]]
    if compare:
        _refuse(of_a_span, "does not go with --compare, which takes --days")
    elif given["adopt"]:
        _refuse(["adopt"], "goes with --compare")
    if resume:
        _refuse([*(["days"] if days else []), *of_a_span, *(["symbols"] if given["symbols"] else [])],
                "does not go with --resume: the job knows what it covers")  # fmt: skip


def _refuse(names: list[str], reason: str) -> None:
    if names:
        raise InvalidInput(f"{names[0]}: {reason}", field=names[0])


def _run(job: BackfillJob) -> BackfillJob:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        step = progress.add_task(f"Backfill {job.pk}", total=job.items.count())

        def show(told: services.Progress) -> None:
            progress.update(
                step, completed=told["done"] + told["failed"], description=f"{told['symbol']}: {told['bars']:,} bars"
            )

        return services.run_job(job_id=job.pk, on_progress=show)


def _outcome(job: BackfillJob) -> dict[str, Any]:
    progress = services.progress_of(job)
    failed = [
        {"symbol": item.symbol, "error": item.error, "attempts": item.attempts} for item in job.items.exclude(error="")
    ]
    span = f"{job.start:%Y-%m-%d %H:%M} to {job.end:%Y-%m-%d %H:%M} UTC"
    text = f"Backfill {job.pk} from {job.source}, {job.timeframe}, {span}: {job.state}; "
    text += f"{progress['done']} of {progress['symbols']} symbols, {progress['bars']:,} bars received, "
    text += f"{progress['added']:,} new in the archive"
    lines = [text, *[f"  {job.note}"] * bool(job.note), *[f"  {each['symbol']}: {each['error']}" for each in failed]]
    return {**progress, "note": job.note, "errors": failed, "text": "\n".join(lines)}


def _compare(symbols: list[str], timeframe: str, days: int, source: str, adopt: bool) -> list[HistoryDay]:
    pairs = [(normalize_symbol(each), timeframe) for each in symbols]
    today, archive = timezone.now().date(), Archive(settings.ARCHIVE_DIR)
    found: list[HistoryDay] = []
    for back in range(days, 0, -1):
        day = today - timedelta(days=back)
        found += compare(source=_source(source, archive), pairs=pairs, day=day, archive=archive, adopt=adopt)
    return found


def _source(name: str, archive: Archive) -> HistorySource:
    if name == ArchiveHistory.name:
        return ArchiveHistory(archive)
    default = FeedSource.objects.filter(is_default=True).values_list("name", flat=True).first()
    return FeedHistory(make_feed(name or default or "default"))


def _report(day: HistoryDay) -> dict[str, Any]:
    text = f"{day.day} {day.symbol} {day.timeframe}: {day.state}, {day.ours} of ours, {day.theirs} of {day.source}"
    lines = [text, *[f"  {each['ts']} {each['what']}{_values(each)}" for each in day.differences]]
    return {
        "day": str(day.day),
        "symbol": day.symbol,
        "timeframe": day.timeframe,
        "state": str(day.state),
        "ours": day.ours,
        "theirs": day.theirs,
        "differences": day.differences,
        "text": "\n".join(lines),
    }


def _values(each: dict[str, Any]) -> str:
    return f": ours {each['ours']:g}, theirs {each['theirs']:g}" if "ours" in each else ""


def _moment(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"{field}: a day like 2026-11-20 or an ISO 8601 moment was expected, found {text!r}", field=field
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
