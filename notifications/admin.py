"""Channels with a test button, and the history of what was told."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from infra.web.read_only import ReadOnly
from notifications import services
from notifications.kinds import KINDS
from notifications.models import Channel, Delivery, Notice, usual_kinds
from notifications.senders import NotSent

_KEPT = "Kept sealed and never shown. Empty: as it is."


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """The address and the secret of a webhook are written and never read."""

    url = forms.URLField(
        label="webhook address",
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminPasswordWidget,
        help_text=_KEPT,
    )
    secret = forms.CharField(
        label="webhook secret", required=False, widget=UnfoldAdminPasswordWidget,
        help_text=f"Signs each message (X-Fortified-Signature). {_KEPT}",
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        choices=[(kind, words) for kind, words in KINDS.items() if kind != "test"], required=False,
        initial=usual_kinds,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )  # fmt: skip

    class Meta:
        model = Channel
        fields: ClassVar[tuple[str, ...]] = (
            "name", "kind", "is_enabled", "recipients", "minimum_level", "kinds", "about", "repeat_after_s",
            "max_per_hour",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("url", "secret"):
            if data.get(name):
                setattr(self.instance, name, data[name])
        return data


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    form = ChannelForm
    list_display = ("name", "kind", "is_enabled", "minimum_level", "about", "last")
    actions_detail = ("send_test",)
    fieldsets = (
        (None, {"fields": ("name", "kind", "is_enabled")}),
        ("Where to", {"fields": ("recipients", "url", "secret")}),
        ("What", {"fields": ("minimum_level", "kinds", "about")}),
        ("How often", {"fields": ("repeat_after_s", "max_per_hour")}),
    )

    @admin.display(description="last message")
    def last(self, channel: Channel) -> str:
        found = channel.deliveries.exclude(state=Delivery.State.HELD).first()
        return f"{found.state} {found.created_at:%Y-%m-%d %H:%M} {found.detail}" if found else "none yet"

    @action(description="Send a test message", url_path="send-test", permissions=["send_test"])  # type: ignore[untyped-decorator]
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponseRedirect:
        channel = Channel.objects.get(pk=object_id)
        try:
            services.try_channel(channel)
        except NotSent as error:
            self.message_user(request, f"It was not sent: {error.detail}", messages.ERROR)
        else:
            self.message_user(request, f"A test message was sent to {channel.name}.")
        return HttpResponseRedirect(reverse("admin:notifications_channel_change", args=[object_id]))

    def has_send_test_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return request.user.has_perm("notifications.change_channel")


class DeliveryInline(ReadOnly, TabularInline):
    model = Delivery
    fields = ("channel", "state", "attempts", "detail", "created_at", "sent_at")
    extra = 0


@admin.register(Notice)
class NoticeAdmin(ReadOnly, ModelAdmin):
    list_display = ("last_at", "level", "kind", "about", "text", "times", "over_at", "sent_to")
    list_filter = ("level", "kind")
    search_fields = ("text", "about")
    date_hierarchy = "last_at"
    inlines = (DeliveryInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        found: QuerySet[Notice] = super().get_queryset(request)
        return found.prefetch_related("deliveries__channel")

    @admin.display(description="sent to")
    def sent_to(self, notice: Notice) -> str:
        return ", ".join(f"{each.channel} ({each.state})" for each in notice.deliveries.all()) or "nobody"
