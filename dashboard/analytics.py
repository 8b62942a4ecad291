"""What was earned: closed trades as a curve, as figures, and broken down into parts that add up to the whole."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.db.models import Count, QuerySet
from redis import RedisError

from backtest.report import activity, equity
from backtest.report.words import local
from backtest.simulation.driver import Outcome, statistics
from brokers.models import BrokerAccount
from dashboard.asked import capital_in, day_in
from dashboard.ledger_report import closed_trade, ledger_material
from dashboard.market import quote_rows
from dashboard.portfolio import portfolio
from dashboard.pulse import open_pnl
from dashboard.selectors import Row
from engine.analytics.returns import CONVENTIONS as RETURN_CONVENTIONS
from engine.analytics.trades import CONVENTIONS as TRADE_CONVENTIONS
from engine.analytics.trades import parted
from engine.errors import InvalidInput
from engine.instruments.catalog import normalize_symbol
from engine.instruments.sessions import NEW_YORK
from engine.model.enums import PositionSide
from engine.model.positions import TradeClosed
from strategies.models import Ticker
from trading.models import Book, Trade

BOTH = "both"
MODES = (*Book.Mode.values, BOTH)
SIDES = (PositionSide.LONG.value, PositionSide.SHORT.value)
TOLD = (
    "trades", "wins", "losses", "win_rate", "net_pnl", "gross_pnl", "fees", "gross_profit", "gross_loss",
    "profit_factor", "max_drawdown",
)  # fmt: skip


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which closed trades: empty and None ask for nothing. Days are New York's, of the exit, both included."""

    mode: str
    book: str = ""
    strategy: str = ""
    symbol: str = ""
    account: str = ""
    side: str = ""
    start: date | None = None
    end: date | None = None
    capital: Decimal | None = None


def asked_for(query: Mapping[str, str]) -> Asked:
    """From an address; `InvalidInput` names the field, what was expected and what was found. Without a mode or a book:
    real money where there are such trades, else paper. The two are added together for those who ask for both only."""
    given = {name: query.get(name, "").strip() for name in Asked.__struct_fields__}
    start, end = day_in(given["start"], "start"), day_in(given["end"], "end")
    if start and end and start > end:
        raise InvalidInput(f"start: a day up to {end} was expected, found {start}", field="start")
    known = choices()
    for name in ("book", "strategy", "account", "side"):
        _one_of(name, given[name], known[name])
    return Asked(
        mode=_mode(given["mode"], given["book"]),
        book=given["book"],
        strategy=given["strategy"],
        symbol=normalize_symbol(given["symbol"]) if given["symbol"] else "",
        account=given["account"],
        side=given["side"],
        start=start,
        end=end,
        capital=capital_in(given["capital"]),
    )


def choices() -> dict[str, list[str]]:
    """What can be asked for, by field: what was traded, and what is configured though it has not traded yet."""

    def of(*rows: Any) -> list[str]:
        return sorted({value for row in rows for value in row})

    traded = Trade.objects.order_by()
    return {
        "book": of(Book.objects.values_list("name", flat=True)),
        "strategy": of(
            traded.values_list("strategy", flat=True).distinct(), Ticker.objects.values_list("strategy", flat=True)
        ),
        "symbol": of(traded.values_list("symbol", flat=True).distinct()),
        "account": of(
            traded.values_list("broker", flat=True).distinct(), BrokerAccount.objects.values_list("name", flat=True)
        ),
        "side": list(SIDES),
    }


def trades_asked_for(asked: Asked) -> QuerySet[Trade]:
    """In the order of their exits."""
    equal: dict[str, Any] = {
        "mode": "" if asked.mode == BOTH else asked.mode,
        "book__name": asked.book,
        "strategy": asked.strategy,
        "symbol": asked.symbol,
        "broker": asked.account,
        "side": asked.side,
    }
    # Ten thousands of rows: without their bars, and without the book of each.
    found = Trade.objects.defer("entry_bar", "exit_bar").filter(
        **{name: value for name, value in equal.items() if value}
    )
    if asked.start:
        found = found.filter(exit_at__gte=_midnight(asked.start))
    if asked.end:
        found = found.filter(exit_at__lt=_midnight(asked.end + timedelta(days=1)))
    return found.order_by("exit_at", "id")


def book_names() -> dict[int, str]:
    """Every book's name by its key."""
    return dict(Book.objects.values_list("pk", "name"))


def analytics(asked: Asked) -> Row:
    """Everything, as JSON values. Money is text and exact; ratios and curves are observed numbers."""
    rows, names = list(trades_asked_for(asked)), book_names()
    trades = [closed_trade(row) for row in rows]
    told = msgspec.to_builtins(asked)
    material = ledger_material(trades, [], title="Closed trades", config=told, capital=asked.capital)
    days = equity.days_of(material)
    return {
        "asked": told,
        "modes": _modes(),
        "zone": NEW_YORK.key,
        "total": summed(trades),
        "figures": activity.figures_of(trades),
        "returns": equity.figures_of(days),
        "days": len(days.dates),
        "capital": {"base": days.base if trades else None, "is_given": asked.capital is not None},
        "equity": equity.curve_of(material, days.base),
        "drawdowns": equity.drawdowns_of(days),
        "distribution": activity.distribution_of(activity.pnl_of(trades)),
        "groups": breakdown(trades, books={row.trade_id: names[row.book_id] for row in rows}),
        "open": open_positions(asked),
        "conventions": RETURN_CONVENTIONS | TRADE_CONVENTIONS,
    }


def breakdown(trades: Sequence[TradeClosed], *, books: Mapping[str, str]) -> dict[str, list[Row]]:
    """By each grouping its parts; every trade is in one part of each, so the sums of the parts are those of all.
    Hours and weekdays are of the entry, days of the exit, all New York's."""
    return {
        name: [{"name": activity.label(name, key), **summed(part)} for key, part in parted(trades, by)]
        for name, by in _groupings(books).items()
    }


def summed(trades: Sequence[TradeClosed]) -> Row:
    """Counts, and money to the last digit."""
    found = statistics(Outcome(trades=list(trades)))
    return {name: found[name] for name in TOLD}


def open_positions(asked: Asked) -> Row:
    """What is held now of what is asked for, whatever the days: it is in no sum of closed trades. `problem` says why it
    is not known, `is_price_old` that its P&L is of an old price."""
    try:
        rows = _with_age(_held(asked))
    except RedisError:
        return {"positions": [], "unrealized_pnl": None, "problem": "Redis does not answer: what is open is not known."}
    return {"positions": rows, "unrealized_pnl": open_pnl(rows), "problem": ""}


def _held(asked: Asked) -> list[Row]:
    wanted = {"strategy": asked.strategy, "symbol": asked.symbol, "side": asked.side}
    return [
        {**position, "book": account["book"], "mode": account["mode"]}
        for account in portfolio()["accounts"]
        if asked.mode in (BOTH, account["mode"]) and asked.book in ("", account["book"])
        if asked.account in ("", account["account"])
        for position in account["positions"]
        if all(value in ("", position[name]) for name, value in wanted.items())
    ]


def _with_age(rows: list[Row]) -> list[Row]:
    """Each with whether the price that it is valued at is old, and why."""
    quotes = {quote["symbol"]: quote for quote in quote_rows(sorted({row["symbol"] for row in rows}))["quotes"]}
    return [
        {**row, "is_price_old": quotes[row["symbol"]]["is_old"], "price_reason": quotes[row["symbol"]]["reason"]}
        for row in rows
    ]


def _groupings(books: Mapping[str, str]) -> dict[str, Callable[[TradeClosed], Hashable]]:
    return {
        **activity.GROUPS,
        "account": lambda trade: trade.broker,
        "book": lambda trade: books[trade.trade_id],
        "day": lambda trade: local(trade.exit_ts).date(),
    }


def _modes() -> dict[str, int]:
    """How many trades there are of each mode, whatever is asked for."""
    found = dict(Trade.objects.order_by().values_list("mode").annotate(Count("id")))
    return {mode: found.get(mode, 0) for mode in Book.Mode.values}


def _mode(asked: str, book: str) -> str:
    _one_of("mode", asked, list(MODES))
    of_book = Book.objects.get(name=book).mode if book else ""
    if asked and of_book and asked not in (of_book, BOTH):
        raise InvalidInput(f"mode: the book {book} is {of_book}, found {asked!r}", field="mode")
    return of_book or asked or (Book.Mode.LIVE if _modes()[Book.Mode.LIVE] else Book.Mode.PAPER).value


def _one_of(field: str, value: str, known: Sequence[str]) -> None:
    if value and value not in known:
        told = ", ".join(known) or "nothing yet"
        raise InvalidInput(f"{field}: one of {told} was expected, found {value!r}", field=field)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK)
