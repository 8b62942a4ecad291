"""Studies in the admin: what was asked, how far it is, what came of it; and the schedules that start them."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from backtest import schedules, services
from backtest.distributed.spec import parse_spec
from backtest.distributed.work import progress_of
from backtest.models import BacktestRun, Study, StudySchedule, Trial
from engine.errors import FortifiedError


class ReadOnly(ModelAdmin):
    """What the system writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def each(self, request: HttpRequest, chosen: QuerySet[Any], action: Callable[..., object], done: str) -> None:
        """Do `action` to each by its number, and say what became of it."""
        for one in chosen:
            try:
                action(number=one.pk)
                self.message_user(request, f"{one} {done}.")
            except FortifiedError as error:
                self.message_user(request, error.detail, level="ERROR")


@admin.register(Study)
class StudyAdmin(ReadOnly):
    """Every sweep and campaign."""

    list_display = ("id", "title", "kind", "state", "progress", "verdict", "created_at")
    list_filter = ("kind", "state")
    actions = ("cancel", "try_again")

    @admin.display(description="Study")
    def title(self, study: Study) -> str:
        return format_html('<a href="/backtests/{}">{}</a>', study.pk, str(study))

    @admin.display(description="Progress")
    def progress(self, study: Study) -> str:
        now = progress_of(study.pk)
        return f"{now['done']:,} of {now['total']:,} runs"

    @admin.display(description="How convincing")
    def verdict(self, study: Study) -> str:
        return str((study.result.get("judgement") or {}).get("sentence", ""))

    @admin.action(description="Cancel", permissions=["run"])
    def cancel(self, request: HttpRequest, studies: QuerySet[Study]) -> None:
        self.each(request, studies, services.cancel_study, "ends; what is done stays")

    @admin.action(description="Run again what failed", permissions=["run"])
    def try_again(self, request: HttpRequest, studies: QuerySet[Study]) -> None:
        self.each(request, studies, services.retry_study, "goes on")

    def has_run_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("backtest.add_study"))


@admin.register(BacktestRun)
class BacktestRunAdmin(ReadOnly):
    """Every run of every study."""

    list_display = ("study", "number", "strategy", "symbol", "timeframe", "params", "score", "sharpe", "how", "error")
    list_filter = ("strategy", "symbol", "how")
    list_select_related = ("study",)


@admin.register(Trial)
class TrialAdmin(ReadOnly):
    """The ledger of everything that was ever tried."""

    list_display = ("strategy", "symbol", "timeframe", "dataset", "params_digest", "count", "sharpe", "tried_at")
    list_filter = ("strategy", "symbol", "timeframe")


class StudyScheduleForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The spec is checked as a study's is."""

    class Meta:
        model = StudySchedule
        fields = ("name", "spec", "days_back", "hour", "weekdays", "is_enabled")

    def clean_spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.cleaned_data["spec"]
        try:
            parse_spec({key: value for key, value in spec.items() if key not in ("start", "end")})
        except FortifiedError as error:
            raise forms.ValidationError(error.detail) from error
        return spec

    def clean_weekdays(self) -> str:
        text: str = self.cleaned_data["weekdays"]
        if not set(text.split(",")) <= set("0123456"):
            raise forms.ValidationError(f"Numbers from 0 (Sunday) to 6 with commas were expected, found {text!r}.")
        return text


@admin.register(StudySchedule)
class StudyScheduleAdmin(ModelAdmin):
    """Studies that start by the clock."""

    form = StudyScheduleForm
    list_display = ("name", "is_enabled", "hour", "weekdays", "days_back", "last_started_at", "last_error")
    actions = ("start_now",)

    @admin.action(description="Start now", permissions=["change"])
    def start_now(self, request: HttpRequest, chosen: QuerySet[StudySchedule]) -> None:
        for schedule in chosen:
            try:
                study = schedules.start_now(schedule, now=timezone.now())
                self.message_user(request, f"{study} has started.")
            except FortifiedError as error:
                self.message_user(request, f"{schedule}: {error.detail}", level="ERROR")
