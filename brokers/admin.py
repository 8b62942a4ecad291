"""Accounts in the admin: what each venue can do, and the lock on real money; logins are beside it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from brokers import login_admin as login_admin  # registers its own
from brokers import services
from brokers.dialects import DIALECTS
from brokers.features import Features
from brokers.models import BrokerAccount
from brokers.registry import FEATURES
from brokers.selectors import login_status
from engine.errors import FortifiedError


def capability_rows(features: Features) -> list[tuple[str, str]]:
    """(capability, value) in words, for tables."""
    return [
        ("asset classes", _words(features.asset_classes)),
        ("order types", _words(features.order_types)),
        ("time in force", _words(features.time_in_force)),
        ("practice account at the venue", _yes(features.has_paper)),
        ("fractional quantities", _words(features.fractional) or "no"),
        ("extended hours", _yes(features.extended_hours)),
        ("one cancels other", _yes(features.one_cancels_other)),
        ("stop and target as one pair", _words(features.paired_exits) or "no"),
        ("moves a stop that waits", _yes(features.moves_stops)),
        ("takes our order ids", _yes(features.client_order_ids)),
        ("reversal as two linked orders", _words(features.linked_reversal) or "no"),
        ("reached through a gateway on your machine", _yes(features.needs_gateway)),
        ("orders per minute", str(features.orders_per_minute or "not stated")),
    ]


def _words(values: frozenset[str]) -> str:
    return ", ".join(sorted(str(value).replace("_", " ") for value in values))


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@admin.register(BrokerAccount)
class BrokerAccountAdmin(ModelAdmin):
    """`is_armed` is set by the actions only, which ask for the permission."""

    list_display = ("name", "broker", "mode", "account_number", "login_state", "enabled", "is_armed")
    list_filter = ("broker", "mode", "enabled", "is_armed")
    search_fields = ("name", "account_number")
    fieldsets = (
        (None, {"fields": ("name", "broker", "mode", "account_number", "login", "enabled", "is_armed")}),
        ("Gateway (Interactive Brokers)", {"fields": ("host", "port", "client_id")}),
        (None, {"fields": ("login_state", "capabilities")}),
    )
    readonly_fields = ("is_armed", "login_state", "capabilities")
    actions = ("arm", "disarm")

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "broker":
            choices = [(name, FEATURES[name].title) for name in FEATURES]
            return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget)
        if db_field.name == "login":
            help_text = "Which of the broker's logins it belongs to."
            return forms.SlugField(
                required=False,
                initial="main",
                empty_value="main",
                help_text=help_text,
                widget=UnfoldAdminTextInputWidget,
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="login")
    def login_state(self, account: BrokerAccount) -> str:
        if account.broker not in DIALECTS:
            return "needs none"
        status = login_status(account.broker, account.login)
        return f"{status.state}, ends in {status.countdown}" if status.countdown else status.state

    @admin.display(description="what the venue can do")
    def capabilities(self, account: BrokerAccount) -> SafeString | str:
        if account.broker not in FEATURES:
            return "Shown once the broker is chosen."
        rows = capability_rows(FEATURES[account.broker])
        return format_html_join("", "<div><strong>{}</strong>: {}</div>", rows)

    @admin.action(description="Arm for real money", permissions=["arm"])
    def arm(self, request: HttpRequest, queryset: QuerySet[BrokerAccount]) -> None:
        self._each(request, queryset, services.arm, "armed for real money")

    @admin.action(description="Disarm", permissions=["view"])
    def disarm(self, request: HttpRequest, queryset: QuerySet[BrokerAccount]) -> None:
        self._each(request, queryset, services.disarm, "disarmed")

    def has_arm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("brokers.arm_account")

    def _each(
        self, request: HttpRequest, queryset: QuerySet[BrokerAccount], action: Callable[..., None], done: str
    ) -> None:
        for account in queryset:
            try:
                action(user=request.user, account=account)
            except FortifiedError as error:
                self.message_user(request, error.detail, messages.ERROR)
            else:
                self.log_change(request, account, done)  # the account's history says who and when
                self.message_user(request, f"{account.name}: {done}.")
