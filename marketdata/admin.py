"""Feeds in the admin: what is configured, and what it is doing at this moment."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from engine.bars.timeframe import canonical
from engine.errors import FortifiedError
from engine.instruments.futures import Contract
from engine.instruments.rolls import contract_at
from engine.model.time import from_datetime, to_datetime
from infra.sealed import seal
from marketdata import selectors, services
from marketdata.backfill.admin_forms import BackfillDepthForm, BackfillForm
from marketdata.backfill.services import create_job, progress_of, retry_failed
from marketdata.feed_lines import check_streams, limits_of
from marketdata.feeds.registry import FEEDS
from marketdata.models import BackfillDepth, BackfillItem, BackfillJob, FeedSource, FuturesRoll, HistoryDay
from marketdata.rolls import load_rolls, tell_others
from marketdata.universe.carried import carried


class FeedSourceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The secret is written only, never shown."""

    kind = forms.ChoiceField(choices=lambda: [(name, f"{name}: {FEEDS[name].summary}") for name in FEEDS])
    universe_timeframe = forms.CharField(required=False, initial="1", help_text="Of the universe; 1 if not given.")
    token = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False),
        help_text="An access token, or JSON with refresh_token and client_secret. Empty: leave it as it is.",
    )

    class Meta:
        model = FeedSource
        fields = (
            "name",
            "kind",
            "api_url",
            "token",
            "options",
            "is_enabled",
            "is_default",
            "universe",
            "universe_timeframe",
        )

    def clean(self) -> dict[str, Any]:
        """Options are checked by the kind's own declaration."""
        data: dict[str, Any] = super().clean() or {}
        kind, options = data.get("kind"), data.get("options")
        if kind:
            try:
                data["options"] = services.parse_options(kind, options or {})
            except FortifiedError as error:
                self.add_error("options", error.detail)
        try:
            data["universe_timeframe"] = canonical(data.get("universe_timeframe") or "1")
        except FortifiedError as error:
            self.add_error("universe_timeframe", error.detail)
        if not self.errors:
            self._check_streams(data)
        return data

    def _check_streams(self, data: dict[str, Any]) -> None:
        secret = seal(data["token"]) if data["token"] else self.instance.sealed_token
        names = ("name", "kind", "options", "is_enabled")
        try:
            check_streams(FeedSource(sealed_token=secret, **{name: data[name] for name in names}))
        except FortifiedError as error:
            self.add_error("is_enabled", error.detail)


@admin.register(FeedSource)
class FeedSourceAdmin(ModelAdmin):
    """Saving goes through the service, like everything that writes."""

    form = FeedSourceForm
    list_display = ("name", "kind", "is_enabled", "is_default", "doing", "symbols", "allowed")
    readonly_fields = ("limits",)

    @admin.display(description="Now")
    def doing(self, source: FeedSource) -> str:
        """One line: who runs it, connected or why not, how many symbols are fresh."""
        status = next((each for each in selectors.feed_statuses() if each.name == source.name), None)
        if status is None or not status.is_running:
            return "not running"
        beat = status.beat
        line = "connected" if beat.get("is_connected") else f"not connected: {beat.get('last_error')}"
        return f"{line}; {beat.get('fresh')} of {beat.get('symbols')} symbols fresh; {beat.get('ticks')} prints"

    @admin.display(description="Universe")
    def symbols(self, source: FeedSource) -> str:
        """How many symbols of its universe stream, how many are polled, how many are left out."""
        return carried(source).summary if source.universe else "symbols of its tickers only"

    @admin.display(description="Symbols allowed")
    def allowed(self, source: FeedSource) -> str:
        """How many the vendor allows, and how many find no place."""
        limits = limits_of(source)
        return "no limit" if limits.symbols is None else f"{limits.symbols} a {limits.symbols_each}"

    @admin.display(description="What the vendor allows")
    def limits(self, source: FeedSource) -> SafeString | str:
        if source.kind not in FEEDS:
            return "Shown once the kind is chosen."
        return format_html_join("", "<div><strong>{}</strong>: {}</div>", limits_of(source).rows())

    def save_model(self, request: HttpRequest, obj: FeedSource, form: Any, change: bool) -> None:
        data = form.cleaned_data
        saved = services.save_feed(
            name=data["name"],
            kind=data["kind"],
            api_url=data["api_url"],
            token=data["token"] or None,
            options=data["options"],
            is_enabled=data["is_enabled"],
            is_default=data["is_default"],
            universe=data["universe"],
            universe_timeframe=data["universe_timeframe"],
        )
        obj.pk = saved.pk


@admin.register(FuturesRoll)
class FuturesRollAdmin(ModelAdmin):
    """The rule of each root, what is traded now and until when."""

    list_display = ("root", "rule", "days_before", "active", "rolls_on", "looked_at", "volumes")
    readonly_fields = ("active", "rolls_on", "volumes", "looked_at")

    @admin.display(description="Active contract")
    def active(self, rule: FuturesRoll) -> str:
        return _active(rule).symbol if rule.root else ""

    @admin.display(description="Next contract from")
    def rolls_on(self, rule: FuturesRoll) -> str:
        latest = "at the latest " if rule.rule == FuturesRoll.Rule.VOLUME else ""
        return f"{latest}{_active(rule).roll_day():%Y-%m-%d}" if rule.root else ""

    def save_model(self, request: HttpRequest, obj: FuturesRoll, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        load_rolls()
        transaction.on_commit(tell_others)

    def delete_model(self, request: HttpRequest, obj: FuturesRoll) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(tell_others)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FuturesRoll]) -> None:
        super().delete_queryset(request, queryset)
        transaction.on_commit(tell_others)


def _active(rule: FuturesRoll) -> Contract:
    load_rolls()
    return contract_at(rule.root, from_datetime(timezone.now()))


class RecordAdmin(ModelAdmin):
    """What the system writes: to be read here, not typed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BackfillItemInline(TabularInline):
    """The symbols of a job, each with how far it came and what went wrong."""

    model = BackfillItem
    extra = 0
    fields = readonly_fields = ("symbol", "state", "reached_at", "attempts", "bars", "added", "error")

    @admin.display(description="Stored up to")
    def reached_at(self, item: BackfillItem) -> str:
        return f"{to_datetime(item.reached):%Y-%m-%d %H:%M} UTC"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(BackfillDepth)
class BackfillDepthAdmin(ModelAdmin):
    """How far back backfills go, timeframe by timeframe; what has no entry goes by the settings."""

    form = BackfillDepthForm
    list_display = ("timeframe", "days")


@admin.register(BackfillJob)
class BackfillJobAdmin(RecordAdmin):
    """Jobs with their progress; a new one can be asked for, what failed can be tried again from where it stood."""

    list_display = ("id", "source", "timeframe", "start", "end", "purpose", "state", "progress", "note", "error")
    list_filter = ("state", "purpose", "source", "timeframe")
    actions = ("try_again",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[type[BackfillItemInline], ...]:
        return (BackfillItemInline,) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else BackfillForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return super().get_fields(request, obj) if obj else ("symbols", "timeframe", "source", "days")

    def save_model(self, request: HttpRequest, obj: BackfillJob, form: Any, change: bool) -> None:
        data, planned = form.cleaned_data, form.planned
        job = create_job(
            symbols=data["symbols"], timeframe=planned.timeframe, source=planned.source, days=data["days"],
            user_id=request.user.pk,
        )  # fmt: skip
        obj.pk = job.pk
        if job.note:
            self.message_user(request, job.note, messages.WARNING)

    @admin.display(description="Progress")
    def progress(self, job: BackfillJob) -> str:
        """Symbols that are done, and bars that were new."""
        now = progress_of(job)
        failed = f", {now['failed']} failed" if now["failed"] else ""
        return f"{now['done']} of {now['symbols']} symbols{failed}; {now['added']} new bars"

    @admin.action(description="Try the failed symbols again", permissions=["retry"])
    def try_again(self, request: HttpRequest, jobs: QuerySet[BackfillJob]) -> None:
        for job in jobs:
            retry_failed(job_id=job.pk)
        self.message_user(request, f"{len(jobs)} backfills go on from where each symbol stood.")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("marketdata.change_backfilljob"))


@admin.register(HistoryDay)
class HistoryDayAdmin(RecordAdmin):
    """Days of bars as compared with a vendor's own."""

    list_display = ("day", "symbol", "timeframe", "source", "state", "ours", "theirs", "different")
    list_filter = ("state", "source", "timeframe", "day")
    search_fields = ("symbol",)

    @admin.display(description="Differences")
    def different(self, day: HistoryDay) -> int:
        return len(day.differences)
