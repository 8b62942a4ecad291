"""The report's figures against the run they are of, against each other, and against empyrical."""

import csv
import io
import json
import zipfile
from datetime import date
from decimal import Decimal

import empyrical  # type: ignore[import-untyped]
import numpy as np
import pytest

from backtest.counted import verdict_on_run
from backtest.report import convincing
from backtest.report.document import material_of, report
from backtest.report.export import write_csv, zipped_csv
from backtest.report.material import benchmark_of
from backtest.report.page import page
from backtest.report.thin import folded, thinned
from backtest.report.words import basis_points, cash, share, span
from backtest.report.write import document_of, write_report
from engine.errors import InvalidInput


def test_the_equity_ends_with_what_was_earned(play):
    run = play(capital="100000", fees="unit:0.01")
    document = document_of(run, benchmark=None)
    [position] = [each for each in run.engine.ledger if each.symbol == "SPY"]
    last = run.curve.symbols["SPY"].close[-1]
    expected = float(sum((trade.pnl for trade in run.outcome.trades), Decimal(0)))
    open_fee = 0.1 if position.quantity else 0.0  # of the entry that is still open
    expected += position.unrealized(last) - open_fee
    assert document["equity"]["equity"][-1] == pytest.approx(100_000 + expected, abs=1e-3)
    assert document["days"]["equity"][-1] == document["equity"]["equity"][-1]
    assert document["returns"]["total_return"] == pytest.approx(expected / 100_000, rel=1e-9)


def test_ratios_agree_with_empyrical_on_the_daily_returns_of_the_report(play):
    document = document_of(play(capital="20000", fees="unit:1.2"), benchmark=None)
    days = np.array(document["days"]["return"])
    assert len(days) == 7
    oracles = {
        "sharpe": empyrical.sharpe_ratio, "sortino": empyrical.sortino_ratio, "calmar": empyrical.calmar_ratio,
        "annual_return": empyrical.annual_return, "annual_volatility": empyrical.annual_volatility,
        "omega": empyrical.omega_ratio,
    }  # fmt: skip
    for name, oracle in oracles.items():
        assert document["returns"][name] == pytest.approx(oracle(days), rel=1e-6), name
    assert document["returns"]["max_drawdown_share"] == pytest.approx(-empyrical.max_drawdown(days), rel=1e-6)


def test_days_are_trading_days_and_months_compound_to_the_whole(play):
    document = document_of(play(capital="20000"), benchmark=None)
    assert document["days"]["date"][0] == date(2024, 2, 27).isoformat()
    [year] = document["monthly"]
    assert [n for n, value in enumerate(year["months"], 1) if value is not None] == [2, 3]
    february, march = year["months"][1:3]
    assert (1 + february) * (1 + march) - 1 == pytest.approx(document["returns"]["total_return"])


def test_every_grouping_holds_every_trade_once(play):
    document = document_of(play(strategies=("ema", "supertrend")), benchmark=None)
    net = document["trade_figures"]["net_pnl"]
    assert document["trade_figures"]["trades"] == len(document["trades"]) > 20
    for name, rows in document["groups"].items():
        assert sum(row["trades"] for row in rows) == len(document["trades"]), name
        assert sum(row["net_pnl"] for row in rows) == pytest.approx(net), name
    assert sum(document["distribution"]["pnl"]["counts"]) == len(document["trades"])
    assert {row["name"] for row in document["groups"]["weekday"]} <= {"Mon", "Tue", "Wed", "Thu", "Fri"}
    assert {row["name"] for row in document["groups"]["hour"]} <= {f"{hour:02d}:00" for hour in range(9, 17)}


def test_slippage_and_fees_are_what_was_charged(play):
    """Bars open where the one before has closed, so what a fill costs is the slippage alone, but for the night."""
    run = play(slippage="fixed:2", fees="unit:0.01")
    costs = document_of(run, benchmark=None)["costs"]
    units = sum(float(fill.quantity) for fills in run.outcome.fills.values() for fill in fills)
    assert costs["fees"] == pytest.approx(0.01 * units)
    assert costs["slippage"] == pytest.approx(0.02 * units)
    assert costs["turnover"] == pytest.approx(100 * units, rel=0.1)


def test_the_benchmark_is_holding_the_symbol(play):
    run = play(capital="1000")
    closes = run.curve.symbols["SPY"].close
    document = document_of(run, benchmark="SPY")
    assert document["benchmark_returns"]["total_return"] == pytest.approx(closes[-1] / closes[0] - 1)
    assert document["equity"]["benchmark"][-1] == pytest.approx(1000 * closes[-1] / closes[0])
    assert document["returns"]["beta"] is not None
    without = document_of(run, benchmark="none")
    assert without["benchmark_returns"] is None
    assert "benchmark" not in without["equity"]


def test_exposure_tells_how_long_and_how_much_was_held(play):
    always, guarded = play(), play(exits='{"targets": [{"distance": {"value": 0.001}}]}')
    document, less = document_of(always, benchmark=None), document_of(guarded, benchmark=None)
    held = sum(t.exit_ts - t.entry_ts for t in guarded.outcome.trades) / (390 * 7 * 60 * 10**9)
    assert less["exposure"]["time_in_market"] < document["exposure"]["time_in_market"] < 1
    assert held < 1
    assert 900 < document["exposure"]["peak_gross"] < 1200
    assert document["capital"] == {"base": document["exposure"]["peak_gross"], "is_given": False, "benchmark": "SPY"}


def test_trades_are_marked_on_the_candles(play):
    run = play()
    [prices] = document_of(run, benchmark=None)["prices"]
    assert prices["bars"] == 390 * 7
    assert len(prices["trades"]) == len(run.outcome.trades)
    first, trade = prices["trades"][0], run.outcome.trades[0]
    assert (first["entry"], first["pnl"]) == (trade.entry_ts // 10**9, float(trade.pnl))
    assert prices["time"][0] <= first["entry"] <= prices["time"][-1]


def test_a_run_without_a_trade_has_a_report(play):
    document = document_of(
        play(params=("ema.period_1=400", "ema.period_2=500"), end=1_709_045_000 * 10**9), benchmark=None
    )
    assert document["trade_figures"]["trades"] == 0
    assert document["returns"]["sharpe"] is None
    assert document["costs"]["fees_of_turnover"] is None
    json.dumps(document, allow_nan=False)


def test_a_document_is_json_and_the_same_twice(play):
    first, second = (document_of(play(capital="5000"), benchmark=None) for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    told = set(first["returns"]) | set(first["trade_figures"]) | set(convincing.CONVENTIONS)
    assert told >= set(first["conventions"]) - {"beta", "alpha"}


@pytest.mark.parametrize("option", ["html", "report", "csv"])
def test_what_cannot_be_written_is_refused_by_its_option(play, tmp_path, option):
    document = document_of(play(capital="5000"), benchmark=None)
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match=f"{option}: .* cannot be written") as refused:
        write_report(document, **{option: tmp_path / "file" / "inside"})
    assert refused.value.field == option


def test_spreadsheets_hold_every_trade_and_every_day(play, tmp_path):
    run = play(capital="5000")
    document = report(material_of(run, benchmark=benchmark_of(run.curve, None)))
    paths = write_csv(document, tmp_path / "out")
    assert [path.name for path in paths] == ["trades.csv", "days.csv", "monthly.csv", "figures.csv"]
    rows = list(csv.DictReader(paths[0].open()))
    assert [row["pnl"] for row in rows] == [trade["pnl"] for trade in document["trades"]]
    assert len(list(csv.DictReader(paths[1].open()))) == 7
    figures = {row["figure"]: row for row in csv.DictReader(paths[3].open())}
    assert "√252" in figures["sharpe"]["convention"]
    with zipfile.ZipFile(io.BytesIO(zipped_csv(document))) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == {
            path.name: path.read_bytes().decode() for path in paths
        }


@pytest.mark.django_db
def test_every_strategy_is_judged_by_all_that_was_ever_tried_of_it(play, tmp_path):
    for slow in (20, 30, 40):
        verdict_on_run(play(params=("ema.period_1=4", f"ema.period_2={slow}")))
    run = play(capital="10000", strategies=("ema", "supertrend"))
    document = document_of(run, benchmark=None, verdict=verdict_on_run(run))
    ema, supertrend = document["judgement"]["rows"]
    assert (ema["trials"], supertrend["trials"]) == (4, 1)
    html = page(document)
    assert ema["sentence"].replace("'", "&#x27;") in html
    assert html.count('<span class="verdict doubt">not significant</span>') == 2
    rows = {row["figure"]: row["value"] for row in csv.DictReader(write_csv(document, tmp_path)[3].open())}
    assert rows["ema SPY trials"] == "4"


def test_what_came_to_nothing_and_what_is_left_open_is_said(play):
    run = play(strategies=("ema", "other=ema"), params=("period_1=4", "period_2=12"))
    document = document_of(run, benchmark=None)
    assert sum(document["refused"].values()) == len(run.outcome.suppressed) > 3
    html = page(document)
    assert "suppressed by " in html
    [left] = document["stats"]["open_positions"]
    assert f"in no trade: {left['strategy']}: {left['side']} 10 SPY at {left['average_price']}" in html
    document["stats"]["faults"] = ["ZeroDivisionError: <b>"]
    assert "A strategy failed and was stopped:</b> ZeroDivisionError: &lt;b&gt;" in page(document)


def test_thinning_keeps_both_ends_and_every_extreme():
    values = np.random.default_rng(3).normal(size=50_000).cumsum()
    keep = thinned(np.arange(50_000), values, 400)
    assert len(keep) <= 402
    assert (keep[0], keep[-1]) == (0, 49_999)
    assert {int(values.argmin()), int(values.argmax())} <= set(keep.tolist())


def test_folding_keeps_the_range_of_every_stretch():
    ts, price = np.arange(10), np.arange(10, dtype=np.float64)
    closes, (opened, high, low, close), size = folded(ts, (price, price + 1, price - 1, price), 4)
    assert (closes.tolist(), size) == ([2, 5, 8, 9], 3)
    assert (opened.tolist(), close.tolist()) == ([0, 3, 6, 9], [2, 5, 8, 9])
    assert (high.tolist(), low.tolist()) == ([3, 6, 9, 10], [-1, 2, 5, 8])


def test_numbers_read_as_people_write_them():
    assert (cash(-1234.5), share(0.12345), basis_points(0.00012), cash(None)) == (
        "−1,234.50",
        "12.35 %",
        "1.200 bp",
        "–",
    )
    assert (span(0.2), span(61), span(90_000), span(None)) == ("0 s", "1 min 1 s", "1 d 1 h", "–")


def test_the_parts_of_a_portfolio_add_up_and_are_like_themselves(play):
    document = document_of(play(strategies=("ema", "supertrend")), benchmark=None)
    found = document["portfolio"]
    assert [part["strategy"] for part in found["parts"]] == ["ema", "supertrend"]
    assert sum(part["net_pnl"] for part in found["parts"]) == pytest.approx(document["trade_figures"]["net_pnl"])
    (one, other), (mirrored, two) = found["correlation"]
    assert (one, two, other) == (1.0, 1.0, mirrored)
    assert -1 <= other < 1
    assert document_of(play(), benchmark=None)["portfolio"]["parts"] == []
