"""The report of one run of a study: run again by the event engine, with everything that a report looks at."""

from dataclasses import replace
from typing import Any

import msgspec
from django.conf import settings

from backtest.apply import fixed_of
from backtest.distributed.data import bars_of
from backtest.distributed.spec import StudySpec
from backtest.models import BacktestRun
from backtest.report.page import page
from backtest.report.write import document_of
from backtest.request import Request
from backtest.stored import StoredRun
from engine.errors import Conflict


def report_page(run: BacktestRun) -> str:
    """One self-contained page. `Conflict` where the run was refused, is of a campaign, or its bars have changed."""
    return page(report_document(run))


def report_document(run: BacktestRun) -> dict[str, Any]:
    """The same as data."""
    if run.error:
        raise Conflict(f"run {run.number} was refused: {run.error}", field="run")
    spec = msgspec.convert(run.study.spec, type=StudySpec)
    if spec.kind != "sweep":
        raise Conflict("a campaign's run is many days by themselves: its days are on the study's page", field="run")
    if bars_of(spec, archive=settings.ARCHIVE_DIR).digest != run.study.dataset:
        raise Conflict(f"the bars of study {run.study_id} have changed since it ran; run it again", field="study")
    played = StoredRun(_request(spec, run), archive=settings.ARCHIVE_DIR)
    played.play()
    return document_of(played, benchmark=None)


def _request(spec: StudySpec, run: BacktestRun) -> Request:
    """What a person would have typed for this run alone."""
    fixed = fixed_of(run)
    params = {**fixed.params, **run.params}
    return replace(
        spec.request,
        strategies=(run.strategy,),
        params=tuple(f"{name}={value}" for name, value in params.items()),
        quantities=(format(fixed.quantity, "f"),),
        fees=fixed.fees,
        slippage=fixed.slippage,
        fill=fixed.fill,
        participation=None if fixed.participation is None else str(fixed.participation),
        capital=None if fixed.capital is None else format(fixed.capital, "f"),
        exits=_json(fixed.exits),
        sizing=_json(fixed.sizing),
    )


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
