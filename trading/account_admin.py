"""Comparisons, adjustments and alarms in the admin; a difference is accepted here."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from trading import account_services
from trading.admin import ReadOnlyAdmin, tell
from trading.models import AccountCheck, Adjustment, Alarm
from users.models import User


@admin.register(AccountCheck)
class AccountCheckAdmin(ReadOnlyAdmin):
    """The newest row of an account says how far it may be trusted; its difference is accepted by an action."""

    list_display = ("at", "broker", "book", "state", "reason", "trigger", "cash", "orders", "fills", "positions")
    list_filter = ("state", "broker", "book", "trigger")
    list_select_related = ("book",)
    actions = ("adopt", "ignore")

    @admin.action(description="Accept the difference: adopt it, it becomes ours", permissions=["accept"])
    def adopt(self, request: HttpRequest, queryset: QuerySet[AccountCheck]) -> None:
        self._accept(request, queryset, "adopt")

    @admin.action(description="Accept the difference: ignore it, it stays somebody else's", permissions=["accept"])
    def ignore(self, request: HttpRequest, queryset: QuerySet[AccountCheck]) -> None:
        self._accept(request, queryset, "ignore")

    def has_accept_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.accept_difference")

    def _accept(self, request: HttpRequest, queryset: QuerySet[Any], policy: str) -> None:
        def act(check: AccountCheck) -> object:
            return account_services.accept_differences(
                user=cast("User", request.user), book=check.book, broker=check.broker, policy=policy
            )

        tell(self, request, queryset, act, "asked to settle it")


@admin.register(Adjustment)
class AdjustmentAdmin(ReadOnlyAdmin):
    list_display = (
        "at",
        "policy",
        "side",
        "quantity",
        "symbol",
        "broker",
        "strategy",
        "ours",
        "theirs",
        "by",
        "reason",
    )
    list_filter = ("policy", "broker", "book")
    search_fields = ("symbol", "reason")


@admin.register(Alarm)
class AlarmAdmin(ReadOnlyAdmin):
    list_display = ("at", "what", "text", "book")
    list_filter = ("what", "book")
    search_fields = ("text",)
    list_select_related = ("book",)
