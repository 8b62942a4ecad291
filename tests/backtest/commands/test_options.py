"""A strategy that buys options over history: refused where no price of them is known, or priced by a named model."""

import json
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from engine.instruments.options import parse_option
from engine.model.market import Bar
from tests.engine.options.world import HALF_DAY, MINUTE, session
from tests.trading.options.test_half_day import half_day


@pytest.fixture
def minutes(tmp_path):
    """The half day of the index as a file of bars."""
    path = tmp_path / "spx.csv"
    rows = ["time,open,high,low,close,volume"]
    for bar in half_day():
        if isinstance(bar, Bar):
            at = datetime.fromtimestamp(bar.ts / 1e9, UTC).isoformat()
            rows.append(f"{at},{bar.open},{bar.high},{bar.low},{bar.close},1")
    path.write_text("\n".join(rows))
    return path


def options_of(path):
    return ("--data", str(path), "--symbol", "SPX", "--time-is", "close", "--strategy", "zero_dte",
            "--param", "period_1=3", "--param", "period_2=8")  # fmt: skip


def test_without_prices_of_options_it_is_refused_with_what_to_do(minutes):
    with pytest.raises(CommandError, match=r"zero_dte buys options.*no quotes of them.*--chains synthetic:VOLATILITY"):
        call_command("backtest", *options_of(minutes), "--json")
    with pytest.raises(CommandError, match="zero_dte buys options"):
        call_command("replay", str(minutes), "--symbol", "SPX", "--time-is", "close", "--strategy", "zero_dte")


def test_with_prices_of_a_model_the_trades_are_options_and_the_document_says_so(minutes, capsys):
    call_command("backtest", *options_of(minutes), "--chains", "synthetic:0.2", "--json", "--no-timing")
    text = capsys.readouterr().out
    document = json.loads(text)
    assert document["config"]["chains"] == "synthetic:0.2"
    trades = document["trades"]
    assert len(trades) > 5
    contracts = [parse_option(trade["symbol"]) for trade in trades]
    assert {(contract.root, contract.expiry) for contract in contracts} == {("SPXW", HALF_DAY)}
    assert {contract.right for contract in contracts} == {"C", "P"}
    cut_off = datetime.fromtimestamp((session()[1] - 15 * MINUTE) / 1e9, UTC).isoformat()
    assert max(trade["exit_ts"] for trade in trades) <= cut_off
    assert document["stats"]["net_pnl"] != "0"
    call_command("backtest", *options_of(minutes), "--chains", "synthetic:0.2", "--json", "--no-timing")
    assert capsys.readouterr().out == text


def test_another_volatility_is_another_price(minutes, capsys):
    paid = []
    for volatility in ("0.1", "0.4"):
        call_command("backtest", *options_of(minutes), "--chains", f"synthetic:{volatility}", "--json", "--no-timing")
        paid.append(float(json.loads(capsys.readouterr().out)["trades"][0]["entry_price"]))
    assert 3 * paid[0] < paid[1] < 5 * paid[0]


def test_a_report_can_be_written_of_it(minutes, tmp_path, capsys):
    page = tmp_path / "report.html"
    call_command("backtest", *options_of(minutes), "--chains", "synthetic", "--html", str(page))
    assert "SPXW" in page.read_text()
    capsys.readouterr()
