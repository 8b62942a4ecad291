import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from backtest import parity


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "bars.csv"
    close = (100 + np.sin(np.arange(400) / 9) * 3 + np.cos(np.arange(400) / 31)).round(2)
    frame = pd.DataFrame({"time": pd.date_range("2024-03-01T14:30Z", periods=400, freq="min"), "close": close})
    frame = frame.assign(open=close, high=close + 1, low=close - 1, volume=100)
    frame.to_csv(path, index=False)
    return "--data", str(path), "--symbol", "SPY", "--time-is", "open", "--strategy", "ema", "--strategy", "zero_dte"


def test_equal_runs_are_counted_and_what_is_not_compiled_is_named(options, capsys):
    call_command("parity", *options, "--sets", "4", "--json", "--fees", "unit:0.01")
    document = json.loads(capsys.readouterr().out)
    assert document["compared"] == 4
    assert document["trades"] > 4
    assert document["differences"] == []
    assert "zero_dte buys options" in document["skipped"]["zero_dte"]


def test_a_difference_is_named_and_fails_the_command(options, capsys, monkeypatch):
    honest = parity.both

    def planted(*arguments):
        compiled, engine = honest(*arguments)
        engine.stats["net_pnl"] = "1000000"
        return compiled, engine

    monkeypatch.setattr(parity, "both", planted)
    with pytest.raises(CommandError, match="code 1"):
        call_command("parity", *options, "--sets", "2")
    assert "net_pnl is" in capsys.readouterr().out
