"""The pages: sign-in, and the one screen that answers "is it healthy, what does it hold, what is it doing?"."""

from typing import Any

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin, PermissionRequiredMixin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard import selectors
from dashboard.forms import SignInForm

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
class BookPage(PolicyMixin, LoginRequiredMixin, PermissionRequiredMixin, TemplateView):
    """The live page of one book; without a name, the paper book. A program that asks for no page is told that we are
    alive."""

    template_name = "dashboard/book.html"
    permission_required = "trading.view_book"

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


def permissions(user: Any) -> dict[str, bool]:
    """What the page may offer; the API asks again."""
    return {
        "start": user.has_perm("trading.add_run"),
        "operate": user.has_perm("trading.change_run"),
        "halt": user.has_perm("trading.change_book"),
        "order": user.has_perm("trading.add_order"),
        "change": user.has_perm("trading.change_order"),
    }
