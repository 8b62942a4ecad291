"""Schedules in the admin; one with real money is saved by a person who may start with it."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from strategies.registry import STRATEGIES
from trading.models import StrategySchedule
from users.models import User


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks for the permission that a start by hand would ask for."""

    person: ClassVar[User]

    strategy = forms.ChoiceField(choices=lambda: [(name, name) for name in STRATEGIES], widget=UnfoldAdminSelectWidget)

    class Meta:
        model = StrategySchedule
        fields: ClassVar[tuple[str, ...]] = (
            "strategy", "is_enabled", "calendar", "start_at", "stop_at", "flatten", "live_mode",
        )  # fmt: skip

    def clean_live_mode(self) -> bool:
        is_live = bool(self.cleaned_data["live_mode"])
        if is_live and not self.person.has_perm("trading.start_live"):
            raise forms.ValidationError("This needs the permission trading.start_live.")
        return is_live


@admin.register(StrategySchedule)
class StrategyScheduleAdmin(ModelAdmin):
    form = ScheduleForm
    list_display = ("strategy", "is_enabled", "start_at", "stop_at", "calendar", "flatten", "live_mode", "detail")
    list_filter = ("is_enabled", "live_mode")
    readonly_fields = ("saved_by", "detail", "started_on", "stopped_on")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        made = super().get_form(request, obj, change, **kwargs)
        return type("ScheduleFormOfPerson", (made,), {"person": cast("User", request.user)})

    def save_model(self, request: HttpRequest, obj: StrategySchedule, form: Any, change: bool) -> None:
        obj.saved_by = cast("User", request.user)
        super().save_model(request, obj, form, change)
