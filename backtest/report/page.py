"""The report as one page that needs no network: styles, scripts, charts and data are inside it."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from backtest.report import convincing, honest, svg, weights
from backtest.report.words import basis_points, cash, count, number, share, span

ASSETS = Path(__file__).parent / "assets"
LISTED = 250  # trades in the page; all are in the exports
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
IN_PAGE = ("equity", "exposure", "prices")  # what the scripts draw

# (name, label, how it is told), by where the value is.
RETURNS = (
    ("total_return", "Total return", share), ("annual_return", "Annual return", share),
    ("annual_volatility", "Annual volatility", share), ("sharpe", "Sharpe", number), ("sortino", "Sortino", number),
    ("calmar", "Calmar", number), ("omega", "Omega", number), ("max_drawdown_share", "Max drawdown", share),
    ("value_at_risk", "Value at risk, a day", share), ("expected_shortfall", "Expected shortfall, a day", share),
    ("tail_ratio", "Tail ratio", number), ("win_days", "Winning days", share), ("stability", "Stability", number),
    ("beta", "Beta", number), ("alpha", "Alpha, a year", share),
)  # fmt: skip
TRADES = (
    ("trades", "Trades", count), ("win_rate", "Win rate", share), ("profit_factor", "Profit factor", number),
    ("expectancy", "Expectancy", cash), ("payoff", "Payoff", number), ("sqn", "SQN", number),
    ("median_pnl", "Median trade", cash), ("best", "Best trade", cash), ("worst", "Worst trade", cash),
    ("worst_share", "Worst 5 %, mean", cash), ("without_best", "Without the best 5 %", cash),
    ("wins_in_a_row", "Winners in a row", count), ("losses_in_a_row", "Losers in a row", count),
    ("mean_hold_s", "Mean hold", span), ("mean_mae", "Mean MAE", cash), ("mean_mfe", "Mean MFE", cash),
    ("captured", "Kept of MFE", share), ("ambiguous", "Ambiguous fills", count),
)  # fmt: skip
TABLES = (
    ("strategy", "By strategy"), ("symbol", "By symbol"), ("side", "By side"),
    ("entry_reason", "By entry reason"), ("exit_reason", "By exit reason"),
)  # fmt: skip


def page(document: Mapping[str, Any], *, downloads: Mapping[str, str] | None = None) -> str:
    """The whole HTML of one report. `downloads` are addresses of it in other forms, where a server has them."""
    context = view(document) | {
        "downloads": downloads or {},
        "style": _asset("report.css"),
        "script": _asset("report.js"),
        "charts": mark_safe(_charts()),  # noqa: S308 - the pinned library's own file
    }
    return render_to_string("backtest/report.html", context)


def view(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template `backtest/_report.html` shows of the document, for any page around it."""
    return {
        "document": document,
        "data": {name: document[name] for name in IN_PAGE},
        "headline": _headline(document),
        "returns": _figures(document, RETURNS, document["returns"], document["benchmark_returns"]),
        "trade_figures": _figures(document, TRADES, document["trade_figures"]),
        "costs": _costs(document["costs"]),
        "use": _use(document["exposure"]),
        "months": MONTHS,
        "monthly": [_year(row) for row in document["monthly"]],
        "drawdowns": [{**row, "depth": share(row["depth"])} for row in document["drawdowns"]],
        "tables": [_table(document, name, title) for name, title in TABLES],
        "portfolio": _portfolio(document["portfolio"]),
        "weights": weights.view(document["portfolio"]["weights"]) if document["portfolio"]["weights"] else None,
        "quality": [_quality(row) for row in document["exit_quality"]],
        "drawn": _drawn(document),
        "listed": [_listed(trade) for trade in document["trades"][-LISTED:]],
        "left_out": max(len(document["trades"]) - LISTED, 0),
        "settings": _settings(document["config"]),
        "convincing": convincing.view(document["judgement"]) if document["judgement"] else None,
        "lost": [{"what": what, "count": count(times)} for what, times in document["refused"].items()],
        "left_open": [_left_open(each) for each in document["stats"].get("open_positions", ())],
        "honesty": honest.view(document["honesty"]) if document["honesty"] else None,
    }


def _headline(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    conventions, stats = document["conventions"], document["stats"]
    returns, trades, costs = document["returns"], document["trade_figures"], document["costs"]
    net = float(stats["net_pnl"])
    tiles = (
        ("Net P&L", cash(net), _sign(net), "Closed trades, fees deducted."),
        ("Return", share(returns["total_return"]), _sign(returns["total_return"]), conventions["total_return"]),
        ("Sharpe", number(returns["sharpe"]), "", conventions["sharpe"]),
        ("Max drawdown", share(returns["max_drawdown_share"]), "", conventions["max_drawdown_share"]),
        ("Trades", f"{trades['trades']:,}", "", conventions["trades"]),
        ("Win rate", share(trades["win_rate"], places=1), "", conventions["win_rate"]),
        ("Profit factor", number(trades["profit_factor"]), "", conventions["profit_factor"]),
        ("Fees and slippage", cash(costs["fees"] + costs["slippage"], places=0), "", "What trading cost, see Costs."),
    )
    return [{"label": label, "text": text, "sign": sign, "title": title} for label, text, sign, title in tiles]


def _figures(
    document: Mapping[str, Any],
    names: Sequence[Any],
    values: Mapping[str, Any],
    beside: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "text": told(values.get(name)),
            "beside": told(beside[name]) if beside and beside.get(name) is not None else "",
            "convention": document["conventions"][name],
        }
        for name, label, told in names
        if name in values
    ]


def _costs(costs: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        ("Fees", cash(costs["fees"]), "All fees of all fills."),
        ("Slippage", cash(costs["slippage"]), "Fill against the last price when the order was sent; positive cost us."),
        ("Turnover", cash(costs["turnover"], places=0), "Value of all fills."),
        ("Fees of turnover", basis_points(costs["fees_of_turnover"]), "Fees over turnover."),
        ("Slippage of turnover", basis_points(costs["slippage_of_turnover"]), "Slippage over turnover."),
        ("Fills", f"{costs['fills']:,}", "Executions."),
    ]


def _use(exposure: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        ("Time in the market", share(exposure["time_in_market"]), "Bars at whose close anything was held."),
        ("Mean use of capital", share(exposure["mean_use"]), "Mean gross value held over the capital."),
        ("Peak use of capital", share(exposure["peak_use"]), "Largest gross value held over the capital."),
        ("Mean gross value", cash(exposure["mean_gross"], places=0), "Values of all positions, sides added."),
        ("Peak gross value", cash(exposure["peak_gross"], places=0), "The largest of them."),
    ]


def _year(row: Mapping[str, Any]) -> dict[str, Any]:
    cells = [{"text": share(value) if value is not None else "", "heat": _heat(value)} for value in row["months"]]
    return {"year": row["year"], "cells": cells, "total": share(row["total"]), "sign": _sign(row["total"])}


def _heat(value: float | None) -> str:
    """A colour's name and its strength: full at 8 percent a month."""
    if not value:
        return ""
    return f"--heat: {min(abs(value) / 0.08, 1.0):.2f}; --tint: var(--{'up' if value > 0 else 'down'})"


def _table(document: Mapping[str, Any], name: str, title: str) -> dict[str, Any]:
    rows = document["groups"][name]
    most = max((abs(row["net_pnl"]) for row in rows), default=0.0) or 1.0
    return {
        "title": title,
        "rows": [
            {
                "name": row["name"],
                "trades": f"{row['trades']:,}",
                "net": cash(row["net_pnl"]),
                "sign": _sign(row["net_pnl"]),
                "width": f"{100 * abs(row['net_pnl']) / most:.0f}",
                "win_rate": share(row["win_rate"], places=1),
                "profit_factor": number(row["profit_factor"]),
                "expectancy": cash(row["expectancy"]),
            }
            for row in rows
        ],
    }


def _left_open(position: Mapping[str, Any]) -> str:
    return (
        f"{position['strategy']}: {position['side']} {position['quantity']} {position['symbol']} "
        f"at {position['average_price']}"
    )


def _portfolio(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each part, with its correlation to every part."""
    return [
        {
            "name": f"{part['strategy']} {part['symbol']}",
            "trades": f"{part['trades']:,}",
            "net": cash(part["net_pnl"]),
            "sign": _sign(part["net_pnl"]),
            "worst_day": cash(part["worst_day"]),
            "alike": [{"text": number(each), "heat": _alike(each)} for each in found["correlation"][place]],
        }
        for place, part in enumerate(found["parts"])
    ]


def _alike(value: float | None) -> str:
    """A colour's strength: the more alike, the stronger."""
    return f"--heat: {abs(value):.2f}; --tint: var(--{'held' if value > 0 else 'accent'})" if value else ""


def _quality(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": row["name"],
        "trades": f"{row['trades']:,}",
        "expectancy": cash(row["expectancy"]),
        "captured": share(row["captured"], places=1),
        "mfe": cash(row["mean_mfe"]),
        "mae": cash(row["mean_mae"]),
        "hold": span(row["mean_hold_s"]),
    }


def _drawn(document: Mapping[str, Any]) -> dict[str, Any]:
    spread, groups, points = document["distribution"], document["groups"], document["excursions"]
    return {
        "pnl": svg.histogram(**spread["pnl"], told=lambda v: cash(v, places=0), name="P&L of trades"),
        "returns": svg.histogram(**spread["returns"], told=lambda v: share(v, places=1), name="Daily returns"),
        "hours": _columns(groups["hour"], "P&L by hour of entry, New York"),
        "weekdays": _columns(
            sorted(groups["weekday"], key=lambda row: "MonTueWedThuFriSatSun".index(row["name"])),
            "P&L by weekday of entry, New York",
        ),
        "mae": svg.scatter(
            [(mae, pnl) for mae, _, pnl in points], name="Worst open loss and result", across="worst open loss",
            upwards="result", told=lambda v: cash(v, places=0),
        ),
        "mfe": svg.scatter(
            [(mfe, pnl) for _, mfe, pnl in points], name="Best open profit and result", across="best open profit",
            upwards="result", told=lambda v: cash(v, places=0),
        ),
    }  # fmt: skip


def _columns(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    titles = [f"{row['name']}: {cash(row['net_pnl'])} in {row['trades']:,} trades" for row in rows]
    values = [row["net_pnl"] for row in rows]
    return svg.columns([row["name"] for row in rows], values, titles, told=lambda v: cash(v, places=0), name=name)


def _listed(trade: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **trade,
        "pnl": cash(float(trade["pnl"])),
        "sign": _sign(float(trade["pnl"])),
        "entry_at": trade["entry_ts"][:19].replace("T", " "),
        "exit_at": trade["exit_ts"][:19].replace("T", " "),
        "hold": span(trade["hold_s"]),
    }


def _settings(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Options of the run, one line each."""
    found: list[tuple[str, str]] = []
    for each in config.get("strategies", ()):
        params = ", ".join(f"{name} {value}" for name, value in each["params"].items())
        found.append((f"{each['name']}, {each['timeframe']}", params or "no parameters"))
    for each in config.get("data", ()):
        found.append((each["symbol"], f"{each['rows']:,} {each['kind']} of {each['source']}"))
    for name in (
        "quantities",
        "capital",
        "fees",
        "slippage",
        "fill",
        "latency",
        "participation",
        "exits",
        "sizing",
        "flat_at_close",
        "intrabar",
        "adjust",
        "roll_close",
    ):
        value = config.get(name)
        if value not in (None, {}, ""):
            found.append((name.replace("_", " "), _line(value)))
    return found


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_line(each)}" for name, each in value.items() if each not in (None, [], {}))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _sign(value: float | None) -> str:
    return "" if not value else "up" if value > 0 else "down"


def _asset(name: str) -> Any:
    return mark_safe((ASSETS / name).read_text(encoding="utf-8"))  # noqa: S308 - our own file


def _charts() -> str:
    """The chart library, from the package that is pinned for the pages; empty where it is not installed."""
    found = importlib.util.find_spec("lightweight_charts")  # located, never imported: it drags pandas in
    if found is None or found.origin is None:
        return ""
    text = (Path(found.origin).parent / "js" / "lightweight-charts.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")
