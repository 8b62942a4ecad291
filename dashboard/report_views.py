"""The pages that report: what a book traded, what a run of a study did; as a page, as JSON, as spreadsheets."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.views import View

from backtest.apply import get_run
from backtest.report.export import zipped_csv
from backtest.report.page import page
from backtest.reported import report_document
from dashboard.asked import capital_in, day_in, days_in
from dashboard.ledger_report import ledger_report
from engine.errors import FortifiedError, InvalidInput, NotFound

# The report is a page of its own: everything is inside it, and it may reach nothing else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"
WAYS = ("json", "csv")


class ReportView(LoginRequiredMixin, PermissionRequiredMixin, View):
    """A report; `?as=json` and `?as=csv` give the same as files."""

    def answer(self, request: HttpRequest, name: str, document: Callable[[], dict[str, Any]]) -> HttpResponse:
        """What was asked for, or in plain words why not."""
        try:
            return _told(request, name, document())
        except NotFound as error:
            raise Http404(error.detail) from error
        except FortifiedError as error:
            status = 400 if isinstance(error, InvalidInput) else 409
            return HttpResponse(error.detail, status=status, content_type="text/plain; charset=utf-8")


class BookReport(ReportView):
    """`/book/paper/report?strategy=ema&symbol=/MES&days=30&capital=50000`; every part may be left out."""

    permission_required = "trading.view_trade"

    def get(self, request: HttpRequest, book: str) -> HttpResponse:
        asked = request.GET
        return self.answer(
            request,
            book,
            lambda: ledger_report(
                book=book,
                strategy=asked.get("strategy", ""),
                symbol=asked.get("symbol", ""),
                days=days_in(asked.get("days", "")),
                capital=capital_in(asked.get("capital", "")),
            ),
        )


class RunReport(ReportView):
    """`/backtests/3/runs/7/report`: one run of a study; of a campaign all its days, or one: `?day=2024-01-05`."""

    permission_required = "backtest.view_study"

    def get(self, request: HttpRequest, study: int, number: int) -> HttpResponse:
        return self.answer(
            request,
            f"study-{study}-run-{number}",
            lambda: report_document(get_run(study=study, number=number), day=day_in(request.GET.get("day", ""), "day")),
        )


def attached(name: str, content: bytes, kind: str) -> HttpResponse:
    """A file to keep."""
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _told(request: HttpRequest, name: str, document: dict[str, Any]) -> HttpResponse:
    way = request.GET.get("as", "")
    if way == "json":
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        return attached(f"{name}.json", text.encode(), "application/json")
    if way == "csv":
        return attached(f"{name}.zip", zipped_csv(document), "application/zip")
    if way:
        raise InvalidInput(f"as: {' or '.join(WAYS)} was expected, found {way!r}", field="as")
    links = {}
    for each in WAYS:
        asked = request.GET.copy()
        asked["as"] = each
        links[each.upper()] = f"?{asked.urlencode()}"
    return HttpResponse(page(document, downloads=links), headers={"Content-Security-Policy": POLICY})
