"""Feeds in the admin: what is configured, and what it is doing at this moment."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from engine.errors import FortifiedError
from marketdata import selectors, services
from marketdata.feeds.registry import FEEDS
from marketdata.models import FeedSource


class FeedSourceForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """The secret is written only, never shown."""

    kind = forms.ChoiceField(choices=lambda: [(name, f"{name}: {FEEDS[name].summary}") for name in FEEDS])
    token = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False),
        help_text="An access token, or JSON with refresh_token and client_secret. Empty: leave it as it is.",
    )

    class Meta:
        model = FeedSource
        fields = ("name", "kind", "api_url", "token", "options", "is_enabled", "is_default")

    def clean(self) -> dict[str, Any]:
        """Options are checked by the kind's own declaration."""
        data: dict[str, Any] = super().clean() or {}
        kind, options = data.get("kind"), data.get("options")
        if kind:
            try:
                data["options"] = services.parse_options(kind, options or {})
            except FortifiedError as error:
                self.add_error("options", error.detail)
        return data


@admin.register(FeedSource)
class FeedSourceAdmin(ModelAdmin):
    """Saving goes through the service, like everything that writes."""

    form = FeedSourceForm
    list_display = ("name", "kind", "is_enabled", "is_default", "doing")

    @admin.display(description="Now")
    def doing(self, source: FeedSource) -> str:
        """One line: who runs it, connected or why not, how many symbols are fresh."""
        status = next((each for each in selectors.feed_statuses() if each.name == source.name), None)
        if status is None or not status.is_running:
            return "not running"
        beat = status.beat
        line = "connected" if beat.get("is_connected") else f"not connected: {beat.get('last_error')}"
        return f"{line}; {beat.get('fresh')} of {beat.get('symbols')} symbols fresh; {beat.get('ticks')} prints"

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
        )
        obj.pk = saved.pk
