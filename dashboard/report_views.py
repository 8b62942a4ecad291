"""The page that reports what a book traded."""

from decimal import Decimal, InvalidOperation

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.views import View

from backtest.report.page import page
from dashboard.ledger_report import ledger_report
from dashboard.views import REPORT_POLICY
from engine.errors import InvalidInput, NotFound


class BookReport(LoginRequiredMixin, PermissionRequiredMixin, View):
    """`/book/paper/report?strategy=ema&symbol=/MES&days=30&capital=50000`; every part may be left out."""

    permission_required = "trading.view_trade"

    def get(self, request: HttpRequest, book: str) -> HttpResponse:
        asked = request.GET
        try:
            document = ledger_report(
                book=book,
                strategy=asked.get("strategy", ""),
                symbol=asked.get("symbol", ""),
                days=_days(asked.get("days", "")),
                capital=_capital(asked.get("capital", "")),
            )
        except NotFound as error:
            raise Http404(error.detail) from error
        except InvalidInput as error:
            return HttpResponse(error.detail, status=400, content_type="text/plain; charset=utf-8")
        return HttpResponse(page(document), headers={"Content-Security-Policy": REPORT_POLICY})


def _days(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit():
        raise InvalidInput(f"days: a whole number was expected, found {text!r}", field="days")
    return int(text)


def _capital(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise InvalidInput(f"capital: an amount above 0 was expected, found {text!r}", field="capital")
    return value
