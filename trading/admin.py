"""The ledger in the admin, to read; books and tickers, to steer."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from redis import RedisError
from unfold.admin import ModelAdmin

from engine.errors import FortifiedError
from infra.web.read_only import ReadOnly
from strategies.admin import TickerAdmin
from strategies.models import Ticker
from trading import selectors, services
from trading.book_form import BookForm, book_form, sections
from trading.book_usage import usage_lines
from trading.models import (
    Book,
    CommandRecord,
    Decision,
    Fill,
    JournalEvent,
    Order,
    Position,
    Run,
    SessionComparison,
    Trade,
)
from users.models import User


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)  # the admin lets nobody in who is not logged in


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    """The journal writes these rows; a person who could edit them could not be told from it."""


def plain(field: str) -> Callable[[Any], str]:
    """A column that shows a number without the zeros that it is stored with."""

    @admin.display(description=field.replace("_", " "), ordering=field)
    def shown(row: Any) -> str:
        value = getattr(row, field)
        return "-" if value is None else f"{value.normalize():f}"

    return shown


def tell(page: ModelAdmin, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], object], done: str) -> None:
    """Do `act` with each row, and say for each what became of it."""
    for row in rows:
        try:
            act(row)
        except FortifiedError as error:
            page.message_user(request, f"{row}: {error.detail}", messages.ERROR)
        except RedisError as error:
            page.message_user(request, f"{row}: Redis does not answer ({error}).", messages.ERROR)
        else:
            page.message_user(request, f"{row}: {done}")


def status_column() -> Callable[[Ticker], str]:
    """A column for one page: each strategy is asked about once, and nobody again after Redis did not answer."""
    known: dict[str, dict[str, Any] | None] = {}

    @admin.display(description="status")
    def status(ticker: Ticker) -> str:
        if ticker.strategy not in known:
            known[ticker.strategy] = None if None in known.values() else _status(ticker.strategy)
        found = known[ticker.strategy]
        return _recorded(ticker) if found is None else status_text(found, ticker)

    return status


def _status(strategy: str) -> dict[str, Any] | None:
    try:
        return selectors.trading_status(strategy=strategy)[0]
    except RedisError:
        return None


def status_text(found: dict[str, Any], ticker: Ticker) -> str:
    """What the trader's process says of this ticker."""
    slot = next((slot for slot in found["slots"] if slot["symbol"] == ticker.symbol), None)
    if slot is None:
        return "stopped" if found["state"] == "stopped" else "not part of the run; start again to include it"
    return " ".join(str(slot[name]) for name in ("state", "detail", "reason") if slot.get(name))


def _recorded(ticker: Ticker) -> str:
    """The database's word, for when no process can be asked."""
    is_running = Run.objects.filter(strategy=ticker.strategy, state=Run.State.RUNNING).exists()
    return f"{'running' if is_running else 'stopped'}, as last recorded (Redis does not answer)"


admin.site.unregister(Ticker)


@admin.register(Ticker)
class SteerableTickerAdmin(TickerAdmin):
    """Tickers with what their strategy does now, and start, stop, flatten."""

    actions = ("start", "stop", "stop_and_flatten", "flatten")

    def get_list_display(self, request: HttpRequest) -> Any:
        return ("symbol", "strategy", "timeframe", status_column(), "quantity_text", "trade_enabled", "updated_at")

    @admin.action(description="Start the strategy on this symbol's book (simulated execution)", permissions=["start"])
    def start(self, request: HttpRequest, queryset: QuerySet[Ticker]) -> None:
        self._once_per_strategy(request, queryset, services.start_strategy, "started")

    @admin.action(description="Stop the strategy; positions keep their exits", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Ticker]) -> None:
        self._once_per_strategy(request, queryset, services.stop_strategy, "stopped")

    @admin.action(description="Stop the strategy and close what it holds", permissions=["operate"])
    def stop_and_flatten(self, request: HttpRequest, queryset: QuerySet[Ticker]) -> None:
        def act(*, user: User, strategy: str) -> object:
            return services.stop_strategy(user=user, strategy=strategy, flatten=True)

        self._once_per_strategy(request, queryset, act, "stopped; closing what it holds")

    @admin.action(description="Flatten: close what is held in this symbol", permissions=["operate"])
    def flatten(self, request: HttpRequest, queryset: QuerySet[Ticker]) -> None:
        def act(ticker: Ticker) -> object:
            return services.flatten(user=_user(request), strategy=ticker.strategy, symbol=ticker.symbol)[0]

        tell(self, request, queryset, act, "asked to close")

    def has_start_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.add_run")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_run")

    def _once_per_strategy(
        self, request: HttpRequest, queryset: QuerySet[Ticker], act: Callable[..., object], done: str
    ) -> None:
        """A strategy is started and stopped as a whole, however many of its tickers were ticked."""
        firsts = {ticker.strategy: ticker.pk for ticker in queryset.order_by("-pk")}
        rows = queryset.filter(pk__in=firsts.values())
        tell(self, request, rows, lambda ticker: act(user=_user(request), strategy=ticker.strategy), done)


@admin.register(Book)
class BookAdmin(ModelAdmin):
    """Books are made here; halting is an action, so that the process and the gateway hear of it."""

    form = BookForm
    list_display = ("name", "mode", "feed", "is_halted", "halt_reason")
    readonly_fields = ("is_halted", "halt_reason", "used", "fencing_token", "generation", "created_at")
    actions = ("halt", "resume")

    def get_form(self, request: HttpRequest, obj: Book | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{**kwargs, "form": book_form(obj)})

    def get_fieldsets(self, request: HttpRequest, obj: Book | None = None) -> Any:
        rules = [
            (
                section.title,
                {
                    "fields": tuple(section.fields),
                    "description": section.note,
                    "classes": [] if section.is_open(obj) else ["collapse"],
                },
            )
            for section in sections(obj)
        ]
        state = ("is_halted", "halt_reason", "fencing_token", "generation", "created_at")
        return [
            (None, {"fields": ("name", "mode", "feed")}),
            *([("What is used of each limit", {"fields": ("used",)})] if obj else []),
            *rules,
            ("State", {"fields": state, "classes": ["collapse"]}),
        ]

    @admin.display(description="now")
    def used(self, book: Book) -> SafeString:
        figures, told = usage_lines(book.name)
        rows = format_html_join("", '<tr><td class="pr-6">{}</td><td class="pr-6">{}</td><td>{}</td></tr>', figures)
        return format_html("<p>{}</p><table>{}</table>", told, rows)

    def save_model(self, request: HttpRequest, obj: Book, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(services.wake)  # a running book takes new limits within a second

    def get_readonly_fields(self, request: HttpRequest, obj: Book | None = None) -> Any:
        # The mode is part of every trade in the book: it is chosen once.
        return (*self.readonly_fields, *(("name", "mode") if obj else ()))

    def has_delete_permission(self, request: HttpRequest, obj: Book | None = None) -> bool:
        return False

    @admin.action(description="Halt: no entries, exits still pass", permissions=["change"])
    def halt(self, request: HttpRequest, queryset: QuerySet[Book]) -> None:
        reason = f"halted in the admin by {_user(request).email}"
        tell(
            self, request, queryset, lambda book: services.halt(user=_user(request), book=book, reason=reason), "halted"
        )

    @admin.action(description="Resume after a halt", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Book]) -> None:
        tell(self, request, queryset, lambda book: services.resume(user=_user(request), book=book), "resumed")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("id", "strategy", "book", "state", "started_at", "started_by", "stopped_at", "stop_reason")
    list_filter = ("state", "strategy", "book")
    list_select_related = ("book", "started_by")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "client_id", "symbol", "side", plain("quantity"), "type", "intent", "state", "state_reason",
        plain("average_price"), "broker", "created_at",
    )  # fmt: skip
    list_filter = ("state", "intent", "strategy", "broker", "book")
    search_fields = ("client_id", "venue_id", "symbol")
    date_hierarchy = "created_at"
    list_select_related = ("book",)
    actions = ("cancel",)

    @admin.action(description="Ask for the cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        def act(order: Order) -> object:
            return services.cancel_order(user=_user(request), order=order)

        tell(self, request, queryset.select_related("book"), act, "cancel asked for")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_order")


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "symbol", "side", plain("quantity"), plain("price"), plain("fee"), "broker", "order", "is_ambiguous",
    )  # fmt: skip
    list_filter = ("broker", "side")
    search_fields = ("fill_id", "symbol", "order__client_id")
    list_select_related = ("order",)


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    list_display = (
        "symbol", "contract", "strategy", "broker", "book", "side", plain("quantity"), plain("average_price"),
        plain("stop_price"), "exit_kind", plain("realized_pnl"), "updated_at",
    )  # fmt: skip
    list_filter = ("strategy", "broker", "book")
    search_fields = ("symbol",)
    list_select_related = ("book",)
    actions = ("flatten",)

    @admin.action(description="Flatten: close what is held", permissions=["operate"])
    def flatten(self, request: HttpRequest, queryset: QuerySet[Position]) -> None:
        def act(position: Position) -> object:
            return services.flatten(
                user=_user(request), strategy=position.strategy, symbol=position.symbol, book=position.book.name
            )[0]

        tell(self, request, queryset, act, "asked to close")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("trading.change_run")


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    list_display = (
        "exit_at", "symbol", "strategy", "side", plain("quantity"), plain("entry_price"), plain("exit_price"),
        plain("pnl"), "exit_reason", "mode",
    )  # fmt: skip
    list_filter = ("mode", "strategy", "broker", "side")
    search_fields = ("trade_id", "symbol")
    date_hierarchy = "exit_at"


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "strategy", "symbol", "target", "reason", "rule", "value", "limit")
    list_filter = ("kind", "strategy", "rule")
    search_fields = ("symbol", "reason", "client_id")


@admin.register(CommandRecord)
class CommandRecordAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "state", "detail", "book", "by")
    list_filter = ("kind", "state", "book")
    list_select_related = ("book", "by")


@admin.register(JournalEvent)
class JournalEventAdmin(ReadOnlyAdmin):
    list_display = ("book", "number", "kind", "recorded_at")
    list_filter = ("kind", "book")
    list_select_related = ("book",)
    show_full_result_count = False


# Their page is a module of its own, and needs what is defined above.
from trading import account_admin, schedule_admin  # noqa: E402, F401


@admin.register(SessionComparison)
class SessionComparisonAdmin(ReadOnlyAdmin):
    list_display = ("day", "book", "verdict", "compared_at")
    list_filter = ("verdict", "book")
