"""Searches and what they found, in the admin: to read, and to end a search."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from backtest.admin import ReadOnly
from discovery import services
from discovery.models import DiscoveredRule, MiningRun


@admin.register(MiningRun)
class MiningRunAdmin(ReadOnly):
    """Every search for rules."""

    list_display = ("id", "title", "symbol", "timeframe", "state", "done", "total", "trials", "created_at")
    list_filter = ("state", "symbol")
    actions = ("cancel",)

    @admin.display(description="Search")
    def title(self, run: MiningRun) -> str:
        return format_html('<a href="/discovery/{}">{}</a>', run.pk, str(run))

    @admin.action(description="Cancel", permissions=["mine"])
    def cancel(self, request: HttpRequest, runs: QuerySet[MiningRun]) -> None:
        self.each(request, runs, services.cancel_run, "ends; nothing of it is kept")

    def has_mine_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("discovery.add_miningrun"))


@admin.register(DiscoveredRule)
class DiscoveredRuleAdmin(ReadOnly):
    """Every rule that was found; its state is changed by its life alone."""

    list_display = ("name", "text", "state", "tag", "source", "passes", "p_corrected", "suspicion", "created_at")
    list_filter = ("state", "passes", "source", "symbol")
    list_select_related = ("run",)
