"""The admin's form of a book: a field for every rule, built from the declarations that the rules are checked by."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, ClassVar, get_args

import msgspec
from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from engine.decision.correlation import CorrelationConfig
from engine.decision.sizing import AnySizing
from engine.errors import FortifiedError, InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.model.accounts import Policy
from engine.risk.config import RiskConfig, StrategyLimits
from engine.risk.day_trading import SCHEDULES, DayTradingAccount
from infra.web.struct_forms import struct_fields
from strategies.forms import account_names
from strategies.models import Ticker
from trading.book_services import check_capital, check_name
from trading.limits import CHECKS
from trading.models import Book
from trading.runtime.fills import SimulatedFills
from trading.runtime.policy import ExecutionPolicy

COLUMNS = ("risk", "sizing", "correlation", "fills", "execution")
METHODS: dict[str, Any] = {kind.__struct_config__.tag: kind for kind in get_args(AnySizing)}
IS_ON = "is_on"  # a switch that is no part of the document
SYMBOLS = ("allowed_symbols", "blocked_symbols")
WATCH = (
    "external_trades", "cash_differences", "cash_tolerance", "stale_entry_s", "retry_s", "answer_s",
    "never_came_after_s", "confirm_cancel_s", "poll_s", "check_every_s", "recheck_s", "look_back_s",
)  # fmt: skip


class Section:
    """Fields of one place in a document: of column `column`, at `path` in it.

    With `switch`, the place is there only where that field is filled in. What a form cannot show stays as it is;
    `elsewhere` names what another section shows of the same place.
    """

    def __init__(
        self, title: str, column: str, path: tuple[str, ...], fields: Mapping[str, forms.Field], *, switch: str = "",
        note: str = "", elsewhere: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.elsewhere = elsewhere
        self.title, self.column, self.path, self.switch, self.note = title, column, path, switch, note
        self.prefix = "__".join((column, *path)) + "__"
        self.fields = {self.prefix + name: field for name, field in fields.items()}

    def initial(self, book: Book) -> dict[str, Any]:
        """What the form shows of `book`."""
        found = self._place(getattr(book, self.column))
        if self.switch == IS_ON:
            found = {**found, IS_ON: bool(found)}
        return {self.prefix + name: value for name, value in found.items()}

    def is_open(self, book: Book | None) -> bool:
        """Whether the page shows it at once: the book's own limits, and whatever is set."""
        is_set = book is not None and bool(self._place(getattr(book, self.column)).keys() - set(self.elsewhere))
        return is_set or (self.column == "risk" and not self.path)

    def write(self, book: Book, cleaned: Mapping[str, Any], document: dict[str, Any]) -> None:
        """Put what was typed in into `document`; what is the default is left out."""
        switched = not self.switch or bool(cleaned.get(self.prefix + self.switch))
        kept = self._unseen(book) if switched else {}
        typed = dict(self._typed(cleaned)) if switched else {}
        if not {**kept, **typed}:
            return
        for name in self.path:
            document = document.setdefault(name, {})
        document.update({**kept, **typed})

    def _unseen(self, book: Book) -> dict[str, Any]:
        """What the form has no field for; tables are sections of their own."""
        place, shown = self._place(getattr(book, self.column)), {*self.elsewhere, *self.fields}
        return {n: v for n, v in place.items() if not {n, self.prefix + n} & shown and not isinstance(v, dict)}

    def _typed(self, cleaned: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for full, field in self.fields.items():
            name, value = full.removeprefix(self.prefix), cleaned.get(full)
            is_default = value == field.initial or (value == [] and not field.initial)
            if name == IS_ON or value in (None, "") or (is_default and name != self.switch):
                continue
            yield name, [normalize_symbol(each) for each in value] if name in SYMBOLS else msgspec.to_builtins(value)
        if self.switch == IS_ON:
            yield "limit", cleaned.get(self.prefix + "limit") or CorrelationConfig().limit  # never empty: that is off

    def _place(self, document: Any) -> dict[str, Any]:
        for name in self.path:
            document = document.get(name, {}) if isinstance(document, dict) else {}
        return document if isinstance(document, dict) else {}


def described(kind: type[msgspec.Struct]) -> dict[str, forms.Field]:
    """The fields of `kind`, labelled in words."""
    fields = struct_fields(kind)
    for name, field in fields.items():
        words = name.removesuffix("_s").replace("_", " ")
        field.label = f"{words[:1].upper()}{words[1:]}{', seconds' if name.endswith('_s') else ''}"
    return fields


def sections(book: Book | None) -> list[Section]:
    """Everything that can be set: for the book, for each strategy that it knows of, and for each account."""
    strategies = sorted({*Ticker.objects.values_list("strategy", flat=True), *_named(book, "strategies")})
    accounts = list(dict.fromkeys([*account_names(), *_named(book, "day_trading", "capital")]))
    risk = {name: field for name, field in described(RiskConfig).items() if name != "track_equity"}
    return [
        Section("Limits of the book", "risk", (), risk, note="An empty field is no limit. Exits always pass."),
        *(_limits(name) for name in strategies),
        *(_size(name) for name in strategies),
        Section("Cash at each account", "sizing", ("capital",), _amounts(accounts),
                note="For sizes by equity; on paper, entries are paid from it."),
        *(_day_trading(name) for name in accounts),
        Section("The same bet twice", "correlation", (), _correlation(), switch=IS_ON,
                note="An entry is suppressed while another strategy or symbol holds something that moves alike."),
        Section("Simulated fills", "fills", (), _fills(), note="For a book on paper."),
        Section("Margin of one contract", "fills", ("margins",), _amounts(_futures(book)),
                note="For a book on paper, at accounts whose cash is stated. Empty: a part of the contract's value."),
        *_execution(book),
    ]  # fmt: skip


def _named(book: Book | None, *tables: str) -> Iterator[str]:
    """Who has rules of its own in the book already."""
    if book is not None:
        for table in tables:
            for column in COLUMNS:
                yield from sorted(getattr(book, column).get(table, {}))


def _limits(strategy: str) -> Section:
    return Section(f"Limits of {strategy}", "risk", ("strategies", strategy), described(StrategyLimits))


def _size(strategy: str) -> Section:
    methods = [("", "the quantities of its tickers"), *((name, name.replace("_", " ")) for name in METHODS)]
    fields: dict[str, forms.Field] = {
        "method": forms.ChoiceField(label="Method", required=False, choices=methods, widget=UnfoldAdminSelectWidget)
    }
    for method, kind in METHODS.items():
        for name, field in described(kind).items():
            known = fields.setdefault(name, field)
            known.initial = None  # left empty it is the method's own default
            if name != "max_quantity":
                known.help_text = "; ".join(filter(None, [str(known.help_text), f"for {method.replace('_', ' ')}"]))
    return Section(f"Size of {strategy}", "sizing", ("strategies", strategy), fields, switch="method")


def _amounts(names: Iterable[str]) -> dict[str, forms.Field]:
    """A sum of money for each."""
    return {
        name: forms.DecimalField(label=name, required=False, min_value=0, widget=UnfoldAdminDecimalFieldWidget)
        for name in names
    }


def _futures(book: Book | None) -> list[str]:
    symbols = {*Ticker.objects.values_list("symbol", flat=True), *_named(book, "margins")}
    return sorted(symbol for symbol in symbols if symbol.startswith("/"))


def _execution(book: Book | None) -> list[Section]:
    fields = described(ExecutionPolicy)
    orders = {name: field for name, field in fields.items() if name not in WATCH}
    watch = {name: fields[name] for name in WATCH}
    table = "external_trades_by_symbol"
    symbols = sorted({*Ticker.objects.values_list("symbol", flat=True), *_named(book, table)})
    return [
        Section("Orders and exits", "execution", (), orders, elsewhere=WATCH,
                note="With real accounts; on paper where an account stands for a broker."),
        Section("Watch over real accounts", "execution", (), watch, elsewhere=[*orders, table],
                note="What is done about what others trade there, about money, and about answers that do not come."),
        Section("What others trade, by symbol", "execution", (table,), {name: _policy(name) for name in symbols},
                note="With real accounts. Empty: as for all symbols."),
    ]  # fmt: skip


def _policy(label: str) -> forms.Field:
    choices = [("", "as for all symbols"), *((policy.value, policy.value) for policy in Policy)]
    return forms.ChoiceField(label=label, required=False, choices=choices, widget=UnfoldAdminSelectWidget)


def _day_trading(account: str) -> Section:
    fields = described(DayTradingAccount)
    venues = [("", "not watched"), *((name, name) for name in (*filter(None, SCHEDULES), "schwab", "ibkr", "other"))]
    fields["venue"] = forms.ChoiceField(
        label="Venue", required=False, choices=venues, widget=UnfoldAdminSelectWidget,
        help_text=fields["venue"].help_text,
    )  # fmt: skip
    return Section(f"Day trading at {account}", "risk", ("day_trading", account), fields, switch="venue")


def _correlation() -> dict[str, forms.Field]:
    switch = forms.BooleanField(label="Suppress it", required=False, widget=UnfoldBooleanSwitchWidget)
    return {IS_ON: switch, **described(CorrelationConfig)}


def _fills() -> dict[str, forms.Field]:
    fields = described(SimulatedFills)
    words = [("touch", "touch"), ("last", "last")]
    fields["fill"] = forms.ChoiceField(
        label="Fill", required=False, choices=words, initial="touch", widget=UnfoldAdminSelectWidget,
        help_text=fields["fill"].help_text,
    )  # fmt: skip
    return fields


class BookForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks with the same code as the API; what is wrong appears beside its own field."""

    sections: ClassVar[list[Section]] = []

    class Meta:
        model = Book
        fields: ClassVar[tuple[str, ...]] = ("name", "mode", "feed")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for section in self.sections:
            self.initial.update(section.initial(self.instance))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            if self.instance.pk is None:
                check_name(data["name"], data["mode"])
            self._take(data)
        except FortifiedError as error:
            self.add_error(self._field_of(error), error.detail)
        return data

    def _take(self, data: dict[str, Any]) -> None:
        documents: dict[str, dict[str, Any]] = {column: {} for column in COLUMNS}
        for section in self.sections:
            section.write(self.instance, data, documents[section.column])
        for column, document in documents.items():
            CHECKS[column](document)
        check_capital(documents["sizing"])
        for column, document in documents.items():
            setattr(self.instance, column, document)

    def _field_of(self, error: FortifiedError) -> str | None:
        """ "risk.strategies.ema.max_drawdown: …" belongs beside the field of that name."""
        place = re.match(r"[\w.\-]+", error.detail)
        name = place[0].replace(".", "__") if isinstance(error, InvalidInput) and place else ""
        return name if name in self.fields else None


def book_form(book: Book | None) -> type[BookForm]:
    """The form class for `book`, or for a new one."""
    found = sections(book)
    fields = {name: field for section in found for name, field in section.fields.items()}
    return type("BookFormOfRules", (BookForm,), {**fields, "sections": found})
