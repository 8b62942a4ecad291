"""What a report says about sharing capital: the days it rests on, what it proposes, and when it says that it cannot."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from backtest.report.page import page
from backtest.report.parts import Closed, parts_of, parts_of_documents
from backtest.report.weights import view, weights_document
from backtest.report.write import document_of
from engine.analytics.bounded import Bounds
from engine.errors import InvalidInput
from engine.model.time import NS_PER_HOUR, from_datetime, iso

FIRST = datetime(2024, 1, 2, 15, 0, tzinfo=UTC)


def traded(deviations: dict[str, float], weeks: int, *, value: float = 10_000.0) -> list[Closed]:
    """A trade each weekday and part; P&L as a share of `value` with its deviation."""
    random = np.random.default_rng(8)
    days = [FIRST + timedelta(days=day) for day in range(7 * weeks) if (FIRST + timedelta(days=day)).weekday() < 5]
    return [
        Closed(name, "SPY", from_datetime(day), value * random.normal(0.0005, deviation), Decimal(20), value)
        for day in days
        for name, deviation in deviations.items()
    ]


def weighed(trades: list[Closed], **options):
    return weights_document(
        parts_of(trades, "XNYS", first=trades[0].exit_ts - NS_PER_HOUR, last=trades[-1].exit_ts), **options
    )


def test_days_are_trading_days_and_every_trade_is_in_one_of_them():
    trades = traded({"calm": 0.01, "wild": 0.03}, 3)
    found = parts_of(trades, "XNYS", first=trades[0].exit_ts, last=trades[-1].exit_ts)
    assert date(2024, 1, 15) not in found.days  # Martin Luther King's day: what closed then counts to the next
    assert found.daily.sum(axis=0) == pytest.approx(
        [sum(trade.pnl for trade in trades if trade.strategy == name) for name in ("calm", "wild")]
    )
    assert found.daily[0, 1] == pytest.approx(trades[1].pnl)
    assert found.returns()[0, 1] == pytest.approx(trades[1].pnl / 10_000)


def test_options_count_to_what_they_are_on():
    def report(symbol: str, at: datetime) -> dict[str, str]:
        moment = iso(from_datetime(at))
        return {
            "strategy": "zero_dte", "symbol": symbol, "exit_ts": moment, "pnl": "12.50", "quantity": "2",
            "entry_price": "3.10",
        }  # fmt: skip

    later = FIRST + timedelta(days=1)
    trades = [report("SPXW  240102C04700000", FIRST), report("SPXW  240103P04680000", later)]
    period = {"start": iso(from_datetime(FIRST) - NS_PER_HOUR), "end": iso(from_datetime(later) + NS_PER_HOUR)}
    [part] = parts_of_documents([{"period": period, "trades": trades}]).parts
    assert (part.symbol, part.trades, part.quantity) == ("SPX", 2, Decimal(2))
    assert part.value == pytest.approx(620.0)


def test_shares_add_up_and_factors_bring_what_was_traded_to_them():
    trades = traded({"calm": 0.005, "wild": 0.05}, 60)
    trades = [trade._replace(value=40_000.0) if trade.strategy == "wild" else trade for trade in trades]
    found = weighed(trades)
    assert found["held"] == [0.2, 0.8]
    for method, each in found["proposals"].items():
        assert sum(each["shares"]) == pytest.approx(1, abs=1e-5), method
        assert np.array(each["factors"]) * found["held"] == pytest.approx(each["shares"], abs=1e-5), method
    assert found["proposals"]["equal"]["factors"] == [2.5, 0.625]
    assert found["proposals"]["minimum_variance"]["shares"][0] > 0.5


def test_what_is_wild_is_weighed_down_and_that_is_proven_on_days_not_seen():
    found = weighed(traded({"a": 0.004, "b": 0.004, "c": 0.004, "wild": 0.08}, 120))
    rows = {row["method"]: row for row in found["walk_forward"]["rows"]}
    assert rows["risk_parity"]["verdict"] == "better"
    assert rows["equal"]["verdict"] == ""
    assert rows["risk_parity"]["max_drawdown"] < rows["equal"]["max_drawdown"]
    assert found["advice"].startswith("Provably better than equal weights on days not seen: ")
    assert found["walk_forward"]["days"] == found["days"] - 126
    assert "Risk parity" in found["advice"]
    assert found["warnings"] == []


def test_a_short_sample_is_said_to_be_one_and_equal_weights_are_advised():
    found = weighed(traded({"calm": 0.01, "wild": 0.03}, 5))
    assert found["walk_forward"] is None
    assert found["advice"] == "Equal weights: there is nothing that shows others to be better."
    warnings = " ".join(found["warnings"])
    for part in ("Only 24 trading days: 252", "that takes 168 of them", "calm SPY closed only 25 trades"):
        assert part in warnings


def test_proposals_keep_to_bounds_and_to_the_turnover_from_what_was_traded():
    trades = traded({"calm": 0.005, "wild": 0.05, "other": 0.02}, 20)
    found = weighed(trades, bounds=Bounds(least=0.2, most=0.5))
    for each in found["proposals"].values():
        assert min(each["shares"]) >= 0.2
        assert max(each["shares"]) <= 0.5
    limited = weighed(trades, bounds=Bounds(turnover=0.05))
    assert max(each["turnover"] for each in limited["proposals"].values()) == pytest.approx(0.05)


def test_reports_are_weighed_on_the_days_that_they_share(play):
    one = document_of(play(), benchmark=None)
    other = document_of(play(strategies=("supertrend",), params=()), benchmark=None)
    other["period"]["start"] = "2024-03-01T14:30:00.000000000Z"
    found = parts_of_documents([one, other])
    assert [part.strategy for part in found.parts] == ["ema", "supertrend"]
    assert [day.isoformat() for day in found.days] == ["2024-03-01", "2024-03-04", "2024-03-05", "2024-03-06"]
    late = [trade for trade in one["trades"] if trade["exit_ts"] >= other["period"]["start"]]
    assert found.daily[:, 0].sum() == pytest.approx(sum(float(trade["pnl"]) for trade in late))
    other["period"]["start"] = "2025-03-01T14:30:00.000000000Z"
    with pytest.raises(InvalidInput, match="days in common"):
        parts_of_documents([one, other])
    with pytest.raises(InvalidInput, match="a run's report was expected"):
        parts_of_documents([{"trades": []}])


def test_the_page_shows_every_share_and_every_warning(play):
    document = document_of(play(strategies=("ema", "supertrend")), benchmark=None)
    shown = view(document["portfolio"]["weights"])
    html = re.sub(r"<script[^>]*>.*?</script>", "", page(document), flags=re.S)
    assert "nothing is changed by itself" in html
    for row in shown["rows"]:
        assert row["name"] in html
        assert all(each in html for each in row["shares"])
    assert len(shown["warnings"]) >= 2
    assert all(each in html for each in shown["warnings"])
    assert "Shares of the capital" not in page(document_of(play(), benchmark=None))
