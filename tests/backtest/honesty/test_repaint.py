import json

import pytest
from django.core.management import CommandError, call_command

from backtest.honesty.repaint import repaint
from backtest.honesty.sample import sample_bars
from engine.errors import InvalidInput
from engine.model.market import Bar

STUDY = "zigzag(percentage=5,method=percent)"


def path(*closes: float) -> list[Bar]:
    return [Bar(60 * (n + 1), "SPY", "1", 60 * n, close, close, close, close, 1.0) for n, close in enumerate(closes)]


def test_a_pivot_is_late_by_the_bars_until_price_has_come_back():
    """Up to 110 at bar 5, known four bars later; on the way up every bar was marked and redrawn."""
    found = repaint(STUDY, path(100, 94, 100, 104, 107, 110, 109, 108, 107, 104, 103))
    assert found.pivots >= 1
    assert found.late_most == 4
    assert 0 < found.false_share < 1
    assert found.redrawn > 0


def test_a_market_that_never_turns_confirms_nothing():
    found = repaint(STUDY, path(*range(100, 140)))
    assert (found.pivots, found.document()["late_mean"]) == (0, None)
    assert "no pivot was confirmed on 40 bars" in found.sentence()


def test_the_wider_the_reversal_the_later_a_pivot_is_known():
    bars = sample_bars(2)
    narrow, wide = (repaint(f"zigzag(percentage={p},method=percent)", bars) for p in (0.2, 1.0))
    assert narrow.pivots > wide.pivots > 3
    assert narrow.late_mean < wide.late_mean
    assert repaint("zigzag(percentage=0.2,method=percent).pivot", bars) == narrow


def test_a_study_that_never_changes_a_value_is_refused():
    with pytest.raises(InvalidInput, match="a zigzag was expected, found ema"):
        repaint("ema(close,9)", sample_bars(1))


def test_the_command_measures_a_file_or_a_synthetic_market(tmp_path, capsys):
    call_command("repaint", "zigzag(percentage=0.5,method=percent)")
    assert "repaints" in capsys.readouterr().out
    file = tmp_path / "bars.csv"
    rows = [f"{bar.ts_open},{bar.open},{bar.high},{bar.low},{bar.close},{bar.volume}" for bar in sample_bars(1)]
    file.write_text("time,open,high,low,close,volume\n" + "\n".join(rows))
    call_command("repaint", "zigzag(percentage=0.5,method=percent)", "--data", str(file), "--time-is", "open", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document == repaint("zigzag(percentage=0.5,method=percent)", sample_bars(1)).document()
    with pytest.raises(CommandError, match="a zigzag was expected"):
        call_command("repaint", "close")
