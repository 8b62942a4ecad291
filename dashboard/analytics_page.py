"""The analytics as a page and as spreadsheets: the same values, told as people read them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from backtest.report import svg
from backtest.report.page import RETURNS, TRADES
from backtest.report.words import cash, number, share
from dashboard.analytics import BOTH, Asked, book_names, choices, trades_asked_for
from dashboard.selectors import Row, trade_row
from engine.instruments.sessions import NEW_YORK

LISTED = 15  # parts of a table; the rest is one line, so that they still add up
WHOLE = ("hour", "weekday")  # never cut: their order says something
DAYS_DRAWN = 120
FEW_DAYS = 20  # below it a figure of a year is a guess that looks like one that is known
OF_A_YEAR = ("annual_return", "annual_volatility", "sharpe", "sortino", "calmar")
TITLES = {
    "strategy": "By strategy", "entry_reason": "By rule (why in)", "exit_reason": "By exit (why out)",
    "symbol": "By symbol", "account": "By account", "book": "By book", "side": "By side", "hour": "By hour of entry",
    "weekday": "By weekday of entry", "day": "By day of exit",
}  # fmt: skip
ASKABLE = ("strategy", "symbol", "account", "book", "side")  # a part of these can be looked at alone
SUMS = ("trades", "wins", "losses")
MONEY = ("net_pnl", "gross_pnl", "fees", "gross_profit", "gross_loss")


def view(document: Mapping[str, Any], asked: Asked) -> Row:
    """What the template shows."""
    conventions = document["conventions"]
    return {
        "document": document,
        "asked": asked,
        "has_both": asked.mode == BOTH,
        "others": _others(document, asked),
        "choices": choices(),
        "spans": _spans(asked),
        "downloads": {"CSV": _address(asked, {"as": "csv"}), "JSON": _address(asked, {"as": "json"})},
        "headline": _headline(document),
        "figures": _figures(TRADES, document["figures"], conventions),
        "returns": _figures(RETURNS, _known_of_a_year(document), conventions),
        "few_days": FEW_DAYS if document["days"] < FEW_DAYS else 0,
        "tables": [_table(document, asked, name) for name in TITLES if name != "day"],
        "days": _days(document["groups"]["day"]),
        "histogram": svg.histogram(**document["distribution"], told=_short, name="P&L of trades"),
        "drawdowns": [{**row, "depth": share(row["depth"])} for row in document["drawdowns"]],
        "data": {"equity": document["equity"], "prices": [], "zone": document["zone"]},
    }


def sheets(document: Mapping[str, Any], asked: Asked) -> dict[str, list[Row]]:
    """The tables of the export: every trade, and every part of every grouping."""
    names = book_names()
    return {
        "trades": [{"book": names[row.book_id], **trade_row(row)} for row in trades_asked_for(asked)],
        "groups": [{"by": by, **row} for by, rows in document["groups"].items() for row in rows],
        "figures": [
            {"figure": name, "value": value, "convention": document["conventions"].get(name, "")}
            for name, value in {**document["total"], **document["figures"], **document["returns"]}.items()
        ],
    }


def rest_of(rows: Sequence[Row]) -> Row:
    """Many parts as one: counts and money add up."""
    sums = {name: sum(row[name] for row in rows) for name in SUMS}
    money = {name: sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in MONEY}
    return {"name": f"{len(rows)} more", **sums, **{name: f"{value.normalize():f}" for name, value in money.items()}}


def _table(document: Mapping[str, Any], asked: Asked, name: str) -> Row:
    """The parts, then the whole; of many parts those that moved most, then all others as one."""
    parts = document["groups"][name]
    if len(parts) > LISTED + 1 and name not in WHOLE:
        ranked = sorted(parts, key=lambda row: -abs(Decimal(row["net_pnl"])))
        parts = [*ranked[:LISTED], rest_of(ranked[LISTED:])]
    most = max((abs(Decimal(row["net_pnl"])) for row in parts), default=Decimal(0)) or Decimal(1)
    return {
        "name": name,
        "title": TITLES[name],
        "rows": [
            {**_line(row), "width": round(100 * abs(Decimal(row["net_pnl"])) / most), "alone": _alone(asked, name, row)}
            for row in parts
        ],
        "total": _line({"name": "All", **document["total"]}),
    }


def _line(row: Mapping[str, Any]) -> Row:
    net, decided = Decimal(row["net_pnl"]), row["wins"] + row["losses"]
    won, lost = Decimal(row["gross_profit"]), -Decimal(row["gross_loss"])
    return {
        "name": row["name"],
        "trades": f"{row['trades']:,}",
        "exact": row["net_pnl"],
        "net": cash(net),
        "sign": _sign(net),
        "fees": cash(Decimal(row["fees"])),
        "won": share(row["wins"] / decided, places=1) if decided else "–",
        "factor": number(float(won / lost)) if lost else "–",
        "mean": cash(net / row["trades"]) if row["trades"] else "–",
    }


def _alone(asked: Asked, name: str, row: Mapping[str, Any]) -> str:
    """The address of this part alone; empty where there is none, or where it is what is shown already."""
    if name not in ASKABLE or "win_rate" not in row or getattr(asked, name) == row["name"]:
        return ""
    return _address(asked, {name: row["name"]})


def _headline(document: Mapping[str, Any]) -> list[Row]:
    total, conventions = document["total"], document["conventions"]
    if not total["trades"]:
        return []
    net = Decimal(total["net_pnl"])
    tiles = (
        ("Net P&L", cash(net), _sign(net), f"Closed trades, fees deducted: {total['net_pnl']}"),
        ("Fees", cash(Decimal(total["fees"])), "", "Of the closed trades"),
        ("Trades", f"{total['trades']:,}", "", conventions["trades"]),
        ("Win rate", share(document["figures"]["win_rate"], places=1), "", conventions["win_rate"]),
        ("Profit factor", number(document["figures"]["profit_factor"]), "", conventions["profit_factor"]),
        ("Deepest fall", cash(Decimal(total["max_drawdown"])), "", "From the highest sum of closed trades, in cash"),
    )
    return [{"label": label, "text": text, "sign": sign, "title": title} for label, text, sign, title in tiles]


def _figures(names: Sequence[Any], values: Mapping[str, Any], conventions: Mapping[str, str]) -> list[Row]:
    return [
        {"label": label, "text": told(values[name]), "title": conventions[name]}
        for name, label, told in names
        if name in values
    ]


def _known_of_a_year(document: Mapping[str, Any]) -> dict[str, Any]:
    """The ratios without those that a few days cannot tell."""
    hidden = OF_A_YEAR if document["days"] < FEW_DAYS else ()
    return {name: None if name in hidden else value for name, value in document["returns"].items()}


def _days(rows: Sequence[Row]) -> Row:
    """Daily P&L as columns; of many days the last."""
    drawn = rows[-DAYS_DRAWN:]
    labels = [f"{date.fromisoformat(row['name']):%d %b}" for row in drawn]
    titles = [f"{row['name']}: {cash(Decimal(row['net_pnl']))} in {row['trades']:,} trades" for row in drawn]
    values = [float(row["net_pnl"]) for row in drawn]
    drawing = svg.columns(labels, values, titles, told=_short, name="P&L by day of exit, New York")
    return {"drawing": drawing, "count": len(rows), "left_out": len(rows) - len(drawn)}


def _others(document: Mapping[str, Any], asked: Asked) -> list[Row]:
    """The other modes that hold trades, which are not in the sums, and both of them for those who want that."""
    modes = [mode for mode, count in document["modes"].items() if count]
    return [
        {"mode": mode, "address": _address(asked, {"mode": mode, "book": ""}), "count": document["modes"].get(mode)}
        for mode in [*modes, *([BOTH] if len(modes) > 1 else [])]
        if mode != asked.mode
    ]


def _spans(asked: Asked) -> list[Row]:
    today = timezone.now().astimezone(NEW_YORK).date()
    begins: dict[str, date | None] = {
        "Today": today,
        "7 days": today - timedelta(days=6),
        "30 days": today - timedelta(days=29),
        "This year": today.replace(month=1, day=1),
        "All": None,
    }
    return [
        {
            "title": title,
            "address": _address(asked, {"start": start or "", "end": ""}),
            "is_shown": asked.start == start and asked.end is None,
        }
        for title, start in begins.items()
    ]


def _address(asked: Asked, changes: Mapping[str, Any]) -> str:
    values: dict[str, Any] = {name: getattr(asked, name) for name in asked.__struct_fields__} | dict(changes)
    return f"?{urlencode({name: str(value) for name, value in values.items() if value})}"


def _short(value: float) -> str:
    """Without cents where there is much of it."""
    return cash(value, places=0 if abs(value) >= 100 else 2)


def _sign(value: Decimal) -> str:
    return "up" if value > 0 else "down" if value < 0 else ""
