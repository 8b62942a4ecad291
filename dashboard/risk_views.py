"""The page of limits: what each book uses of them now."""

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView
from redis import RedisError

from dashboard.views import PolicyMixin
from engine.core.usage import Usage
from trading import book_usage
from trading.models import Book

NEAR = 0.8  # of a limit: people should look


@method_decorator(ensure_csrf_cookie, name="dispatch")
class RiskPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Exposure, losses and counts against their limits, as each book's process told last; it draws itself anew."""

    template_name = "dashboard/risk.html"
    permission_required = "trading.view_book"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "books": [_book(book) for book in Book.objects.order_by("name")]}


def _book(book: Book) -> dict[str, Any]:
    problem = ""
    try:
        found = book_usage.book_usage(book.name)
    except RedisError:
        found, problem = book_usage.BookUsage(), "Redis does not answer: what is used is not known."
    if found.at is None:
        problem = problem or book_usage.NOBODY
    return {"book": book, "at": found.at, "problem": problem, "rows": [_row(each) for each in found.figures]}


def _row(usage: Usage) -> dict[str, Any]:
    share = None if usage.limit is None else usage.used / float(usage.limit) if usage.limit else 1.0
    tone = "" if share is None else "bad" if share >= 1 else "warn" if share >= NEAR else "good"
    return {
        "of": usage.of,
        "name": usage.name.replace("_", " "),
        "words": book_usage.words(usage),
        "percent": None if share is None else min(round(share * 100), 100),
        "tone": tone,
    }
