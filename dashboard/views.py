"""The pages: sign-in, and the one screen that answers "is it healthy, what does it hold, what is it doing?"."""

from typing import Any

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView, View

from backtest.apply import get_run
from backtest.reported import report_page
from dashboard import selectors, studies
from dashboard.forms import SignInForm
from engine.errors import FortifiedError, NotFound

# Everything comes from this server; the browser opens sockets to it only.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",  # the chart library writes style attributes
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class PolicyMixin:
    """Sends the content security policy with every page."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class SignIn(PolicyMixin, LoginView):
    """Sign in by e-mail."""

    template_name = "dashboard/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


@method_decorator(ensure_csrf_cookie, name="dispatch")
class BookPage(PolicyMixin, LoginRequiredMixin, TemplateView):
    """The live page of one book; without a name, the paper book. A program that asks for no page is told that we are
    alive."""

    template_name = "dashboard/book.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.path == "/" and "text/html" not in request.headers.get("Accept", "text/html"):
            return JsonResponse({"status": "alive", "product": "Fortified", "health": "/api/health"})
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        books = selectors.books()
        name = kwargs.get("book") or (books[0].name if books else "")
        book = next((row for row in books if row.name == name), None)
        return {
            **super().get_context_data(**kwargs),
            "book": book,
            "books": books,
            "rehearsal": settings.REHEARSAL,
            "idle": selectors.idle_strategies() if book is None else [],
            "page": {
                "book": name,
                "mode": book.mode if book else "",
                "charts": selectors.chart_choices(book=name) if book else [],
                "can": permissions(self.request.user),
            },
        }


@method_decorator(ensure_csrf_cookie, name="dispatch")
class StudiesPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """Every sweep and campaign, and the form that starts one."""

    template_name = "dashboard/studies.html"
    permission_required = "backtest.view_study"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        can_start = self.request.user.has_perm("backtest.add_study")
        return {
            **super().get_context_data(**kwargs),
            "studies": studies.lines(),
            "page": {"can": {"start": can_start}, "strategies": studies.strategies(), "data": studies.data_files()},
        }


@method_decorator(ensure_csrf_cookie, name="dispatch")
class StudyPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """One study: how far it is, then what came of it."""

    template_name = "dashboard/study.html"
    permission_required = "backtest.view_study"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        study = studies.find(kwargs["study"])
        if study is None:
            raise Http404(f"There is no study {kwargs['study']}.")
        user = self.request.user
        return {
            **super().get_context_data(**kwargs),
            "study": study,
            "page": {
                "study": study.pk,
                "is_over": study.state in studies.ENDED,
                "can": {"start": user.has_perm("backtest.add_study"), "apply": user.has_perm("backtest.apply_run")},
            },
            **studies.shown(study),
        }


# The report is a page of its own: everything is inside it, and it may reach nothing else.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"
)


class RunReport(LoginRequiredMixin, PermissionRequiredMixin, View):
    """The report of one run of a study."""

    permission_required = "backtest.view_study"

    def get(self, request: HttpRequest, study: int, number: int) -> HttpResponse:
        try:
            text = report_page(get_run(study=study, number=number))
        except NotFound as error:
            raise Http404(error.detail) from error
        except FortifiedError as error:
            return HttpResponse(error.detail, status=409, content_type="text/plain; charset=utf-8")
        return HttpResponse(text, headers={"Content-Security-Policy": REPORT_POLICY})


def permissions(user: Any) -> dict[str, bool]:
    """What the page may offer; the API asks again."""
    return {
        "start": user.has_perm("trading.add_run"),
        "operate": user.has_perm("trading.change_run"),
        "halt": user.has_perm("trading.change_book"),
    }
