"""The configuration in the admin: a field for every parameter, and the record of who changed what."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from infra.web.actor import Actor
from strategies import services
from strategies.forms import TickerForm, parameter_fields, quantity_fields, ticker_form
from strategies.models import Certificate, Ticker, TickerChange
from strategies.registry import STRATEGIES
from strategies.versions import code_version


@admin.register(Ticker)
class TickerAdmin(ModelAdmin):
    """Writes through the services, like the API. A package above adds what a running ticker can be told."""

    form = TickerForm
    list_display: tuple[str, ...] = ("symbol", "strategy", "timeframe", "quantity_text", "trade_enabled", "updated_at")
    list_filter = ("strategy", "timeframe", "trade_enabled")
    list_editable = ()
    search_fields = ("symbol", "strategy")

    def get_form(self, request: HttpRequest, obj: Ticker | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{**kwargs, "form": ticker_form(self._strategy(request, obj))})

    def get_fieldsets(self, request: HttpRequest, obj: Ticker | None = None) -> Any:
        strategy = self._strategy(request, obj)
        return (
            (None, {"fields": ("strategy", "symbol", "timeframe", "trade_enabled", "feed")}),
            (f"Parameters of {strategy}", {"fields": tuple(parameter_fields(strategy))}),
            ("Quantities", {"fields": tuple(quantity_fields()), "description": "0: not traded at that account."}),
            ("Exits", {"fields": ("exits",)}),
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "strategy": self._strategy(request, None)}

    def save_model(self, request: HttpRequest, obj: Ticker, form: TickerForm, change: bool) -> None:
        if form.config is None:
            raise ValueError("a ticker form is saved after it was found valid")
        values = form.config.document()
        if change:
            saved = services.update_ticker(user=_actor(request), ticker=obj, **values)
        else:
            saved = services.create_ticker(user=_actor(request), **values)
        obj.pk, obj.version = saved.pk, saved.version

    def delete_model(self, request: HttpRequest, obj: Ticker) -> None:
        services.delete_ticker(user=_actor(request), strategy=obj.strategy, symbol=obj.symbol)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Ticker]) -> None:
        for ticker in queryset:
            self.delete_model(request, ticker)

    @admin.display(description="quantities")
    def quantity_text(self, ticker: Ticker) -> str:
        used = [f"{account} {value}" for account, value in ticker.quantities.items() if value != "0"]
        return ", ".join(used) or "none"

    def _strategy(self, request: HttpRequest, obj: Ticker | None) -> str:
        """The strategy whose parameters the form shows: the ticker's, the one asked for, or the first there is."""
        if obj is not None and obj.strategy in STRATEGIES:
            return obj.strategy
        asked = request.POST.get("strategy") or request.GET.get("strategy") or ""
        return STRATEGIES.canonical(asked) if asked in STRATEGIES else next(iter(STRATEGIES))


def _actor(request: HttpRequest) -> Actor:
    return cast("Actor", request.user)  # the admin lets nobody in who is not logged in


def _words(before: Any, after: Any) -> str:
    """ "8 → 9"; only the one that there is where something came or went."""
    said = ["" if value in (None, "") else str(value) for value in (before, after)]
    return " → ".join(said) if all(said) else f"{said[0]} → nothing" if said[0] else said[1]


@admin.register(TickerChange)
class TickerChangeAdmin(ModelAdmin):
    """Read only: a record that can be edited is none."""

    list_display = ("at", "kind", "strategy", "symbol", "by_email", "what")
    list_filter = ("kind", "strategy")
    search_fields = ("symbol", "by_email")
    date_hierarchy = "at"

    @admin.display(description="what")
    def what(self, change: TickerChange) -> SafeString:
        rows = [(name, _words(before, after)) for name, (before, after) in change.differences.items()]
        return format_html_join("", "<div>{}: {}</div>", [row for row in rows if row[1]])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: TickerChange | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: TickerChange | None = None) -> bool:
        return False


@admin.register(Certificate)
class CertificateAdmin(ModelAdmin):
    """Which version of which strategy has shown that it cannot see the future."""

    list_display = ("strategy", "code", "verdict", "is_current", "created_at")
    list_filter = ("strategy", "verdict")

    @admin.display(description="Of the present code", boolean=True)
    def is_current(self, certificate: Certificate) -> bool:
        return certificate.strategy in STRATEGIES and certificate.code == code_version(certificate.strategy)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
