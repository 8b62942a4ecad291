"""Searches and what they found, in the admin: to read, and to end a search."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from backtest.admin import ReadOnly
from discovery import fingerprint_services, services
from discovery.models import DiscoveredRule, FingerprintRun, Job, MiningRun, Promotion, RuleChange, RuleCheck


class JobAdmin(ReadOnly):
    """Searches of one kind. `page` is where each is shown."""

    page: ClassVar[str]
    end: ClassVar[Callable[..., Job]]
    list_filter = ("state", "symbol")
    actions = ("cancel",)

    @admin.display(description="Search")
    def title(self, run: Job) -> str:
        return format_html('<a href="{}/{}">{}</a>', self.page, run.pk, str(run))

    @admin.action(description="Cancel", permissions=["start"])
    def cancel(self, request: HttpRequest, runs: QuerySet[Job]) -> None:
        self.each(request, runs, type(self).end, "ends; nothing of it is kept")

    def has_start_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"discovery.add_{self.opts.model_name}"))


@admin.register(MiningRun)
class MiningRunAdmin(JobAdmin):
    """Every search for rules."""

    page = "/discovery"
    end = staticmethod(services.cancel_run)
    list_display = ("id", "title", "symbol", "timeframe", "state", "done", "total", "trials", "created_at")


@admin.register(FingerprintRun)
class FingerprintRunAdmin(JobAdmin):
    """Every fingerprint."""

    page = "/discovery/fingerprints"
    end = staticmethod(fingerprint_services.cancel_fingerprint)
    list_display = ("id", "title", "symbol", "timeframe", "state", "done", "total", "created_at")


@admin.register(DiscoveredRule)
class DiscoveredRuleAdmin(ReadOnly):
    """Every rule that was found; its state is changed by its life alone."""

    list_display = ("name", "text", "state", "tag", "source", "passes", "p_corrected", "suspicion", "created_at")
    list_filter = ("state", "passes", "source", "symbol")
    list_select_related = ("run",)


class Record(ReadOnly):
    """A record that can be edited or removed is none."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(RuleChange)
class RuleChangeAdmin(Record):
    """Every step of every rule."""

    list_display = ("at", "rule", "before", "after", "by_email", "why")
    list_filter = ("after",)
    search_fields = ("rule__name", "by_email")
    date_hierarchy = "at"
    list_select_related = ("rule",)


@admin.register(Promotion)
class PromotionAdmin(Record):
    """Every time of a rule in the market."""

    list_display = ("rule", "slot", "book", "tag", "began_at", "degraded_at", "ended_at", "position", "by_email")
    list_filter = ("book", "tag")
    list_select_related = ("rule", "book")


@admin.register(RuleCheck)
class RuleCheckAdmin(Record):
    """Every validation and every campaign of a rule."""

    list_display = ("rule", "kind", "state", "is_good", "text", "study", "created_at")
    list_filter = ("kind", "state", "is_good")
    list_select_related = ("rule", "study")
