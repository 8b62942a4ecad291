"""Several strategies and symbols in one run: one account, one arbiter, one order of time."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from backtest.request import Request
from backtest.stored import StoredRun
from engine.instruments.adjustments import Factor
from engine.model.market import Bar
from engine.model.time import from_datetime
from marketdata.archive.store import Archive
from marketdata.files.bars import read_bars

FAST = ("--param", "ema.period_1=2", "--param", "ema.period_2=5")


def wave(path: Path, *, period: float, base: float, rows: int = 240, start: str = "2024-03-01T14:30Z") -> Path:
    stamps = pd.date_range(start, periods=rows, freq="min")
    close = np.round(base + np.sin(np.arange(rows) / period) * base / 30, 2)
    before = np.concatenate(([close[0]], close[:-1]))
    frame = pd.DataFrame({"time": stamps, "open": before, "high": np.maximum(before, close) + 0.05})
    frame["low"], frame["close"], frame["volume"] = np.minimum(before, close) - 0.05, close, 100
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return {
        "SPY": wave(tmp_path / "spy.csv", period=9, base=100),
        "QQQ": wave(tmp_path / "qqq.csv", period=13, base=300),
    }


def backtest(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    call_command("backtest", "--json", "--no-timing", *(str(argument) for argument in arguments))
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def data(files: dict[str, Path]) -> list[object]:
    found: list[object] = ["--time-is", "open"]
    for symbol, path in files.items():
        found += ["--data", f"{symbol}={path}"]
    return found


def test_two_symbols_trade_as_each_alone_when_nothing_is_shared(files, capsys):
    both = backtest(capsys, *data(files), *FAST, "--quantity", "QQQ=3")
    for symbol, quantity in (("SPY", "1"), ("QQQ", "3")):
        alone = backtest(
            capsys, "--data", files[symbol], "--symbol", symbol, "--time-is", "open", *FAST, "--quantity", quantity
        )
        assert len(alone["trades"]) >= 5
        assert [trade for trade in both["trades"] if trade["symbol"] == symbol] == alone["trades"]
    assert both["stats"]["trades"] == len(both["trades"])
    assert [each["rows"] for each in both["config"]["data"]] == [240, 240]
    closes = [trade["exit_ts"] for trade in both["trades"]]
    assert closes == sorted(closes)


def test_the_same_run_twice_is_the_same(files, capsys):
    options = [*data(files), *FAST, "--strategy", "ema", "--strategy", "supertrend", "--capital", "5000"]
    assert backtest(capsys, *options) == backtest(capsys, *options)


def test_of_two_strategies_that_want_the_same_symbol_at_once_one_enters(files, capsys):
    options = (
        "--strategy",
        "ema",
        "--strategy",
        "slow=ema",
        "--param",
        "slow.period_1=2",
        "--param",
        "slow.period_2=5",
    )
    found = backtest(capsys, *data({"SPY": files["SPY"]}), *options, *FAST)
    assert found["stats"]["suppressed"] > 0
    assert {order["strategy"] for order in found["orders"]} == {"ema"}
    assert [each["name"] for each in found["config"]["strategies"]] == ["ema", "slow"]


def test_what_the_shared_account_cannot_carry_is_rejected(files, capsys):
    rich = backtest(capsys, *data(files), *FAST, "--capital", "1000")
    poor = backtest(capsys, *data(files), *FAST, "--capital", "120")  # SPY needs 50 of margin, QQQ 150
    assert not [order for order in rich["orders"] if order["rejected"]]
    refused = [order for order in poor["orders"] if order["rejected"]]
    assert {order["symbol"] for order in refused} == {"QQQ"}
    assert all(order["rejected"].startswith("not enough buying power: ") and not order["fills"] for order in refused)
    assert {trade["symbol"] for trade in poor["trades"]} == {"SPY"}


def test_a_symbol_that_several_files_hold_is_taken_from_its_own(files, tmp_path, capsys):
    """One file of many symbols, the others named."""
    frame = pd.concat([pd.read_csv(path).assign(symbol=symbol) for symbol, path in files.items()])
    path = tmp_path / "all.csv"
    frame.to_csv(path, index=False)
    joint = backtest(capsys, "--data", path, "--symbol", "SPY", "--symbol", "QQQ", "--time-is", "open", *FAST)
    apart = backtest(capsys, *data(files), *FAST)
    assert joint["trades"] == apart["trades"]


def test_flat_at_the_close_holds_nothing_overnight(tmp_path, capsys):
    path = tmp_path / "days.csv"
    parts = []
    for number, day in enumerate(("2024-03-04", "2024-03-05", "2024-03-06")):
        wave(path, period=11 + number, base=100, rows=390, start=f"{day}T14:30Z")
        parts.append(pd.read_csv(path))
    pd.concat(parts).to_csv(path, index=False)
    options = ["--data", path, "--symbol", "SPY", "--time-is", "open", *FAST]
    carried, flat = backtest(capsys, *options), backtest(capsys, *options, "--flat-at-close")
    overnight = [t for t in carried["trades"] if t["entry_ts"][:10] != t["exit_ts"][:10]]
    assert len(overnight) == 2
    assert all(t["entry_ts"][:10] == t["exit_ts"][:10] for t in flat["trades"])
    last = [t for t in flat["trades"] if t["exit_reason"] == "session_close"]
    assert [t["exit_ts"][11:16] for t in last] == ["20:59"] * 3
    assert flat["stats"]["open_positions"] == []


def test_the_archive_gives_what_a_file_gives(files, tmp_path, settings, capsys):
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    from_file = backtest(capsys, "--data", files["SPY"], "--symbol", "SPY", "--time-is", "open", *FAST)
    frame = pd.read_csv(files["SPY"], parse_dates=["time"])
    opens = [from_datetime(stamp.to_pydatetime()) for stamp in frame["time"]]
    rows = zip(opens, *(frame[name] for name in ("open", "high", "low", "close", "volume")), strict=True)
    bars = [Bar(ts + 60 * 10**9, "SPY", "1", ts, o, h, low, c, v) for ts, o, h, low, c, v in rows]
    Archive(settings.ARCHIVE_DIR).append("SPY", "1", bars)
    stored = backtest(capsys, "--from-archive", "--symbol", "SPY", *FAST)
    assert stored["trades"] == from_file["trades"]
    with pytest.raises(CommandError, match="has no prints of QQQ, and bars of nothing where 1 was asked for"):
        backtest(capsys, "--from-archive", "--symbol", "QQQ")


def test_a_split_makes_no_trade_where_prices_are_adjusted(tmp_path, settings, capsys):
    """A price of 100 that becomes 25 overnight is a crash for those who do not know of the split."""
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    archive = Archive(settings.ARCHIVE_DIR)
    start = 1_709_562_600 * 10**9  # 2024-03-04 14:30 UTC
    bars = []
    for number in range(600):
        day, minute = divmod(number, 300)
        price = (100.0 if day == 0 else 25.0) * (1 + 0.0001 * number)
        ts = start + (day * 1440 + minute) * 60 * 10**9
        bars.append(Bar(ts + 60 * 10**9, "SPY", "1", ts, price, price, price, price, 100.0))
    archive.append("SPY", "1", bars)
    archive.set_factors("SPY", [Factor(date(2024, 3, 4), split=0.25)])
    options = ("--from-archive", "--symbol", "SPY")
    raw, adjusted = backtest(capsys, *options), backtest(capsys, *options, "--adjust", "splits")
    assert [(order["side"], order["ts"][:16]) for order in raw["orders"]][:1] == [("sell", "2024-03-05T14:31")]
    assert adjusted["orders"] == []


def test_splits_of_a_file_come_from_a_file_of_factors(tmp_path, capsys):
    """The same crash that is none, from files, and on longer bars that are put together of adjusted ones."""
    path, factors = tmp_path / "split.csv", tmp_path / "factors.csv"
    start = 1_709_562_600  # 2024-03-04 14:30 UTC
    at = [start + 86_400 * (n // 300) + 60 * (n % 300) for n in range(600)]
    price = [(100.0 if n < 300 else 25.0) * (1 + 0.0001 * n) for n in range(600)]
    path.write_text("ts,open,high,low,close,volume\n" + "\n".join(
        f"{ts},{p},{p},{p},{p},100" for ts, p in zip(at, price, strict=True)))  # fmt: skip
    factors.write_text("symbol,date,price_factor,split_factor,ref_price\nSPY,20240304,1,0.25,1\n")
    options = ("--data", path, "--symbol", "SPY", "--time-is", "open")
    adjust = ("--adjust", "splits", "--factors", factors)
    for timeframe in ("1", "5"):
        raw, adjusted = (backtest(capsys, *options, "--timeframe", timeframe, *more) for more in ((), adjust))
        assert [order["side"] for order in raw["orders"]][:1] == ["sell"]
        assert adjusted["orders"] == []


def test_exits_and_sizes_are_given_as_json(files, capsys):
    options = [*data({"SPY": files["SPY"]}), *FAST, "--capital", "10000"]
    guarded = backtest(capsys, *options, "--exits", '{"targets": [{"distance": {"value": 0.005}}]}')
    assert "target_1" in {trade["exit_reason"] for trade in guarded["trades"]}
    sized = backtest(capsys, *options, "--sizing", '{"method": "fixed_fraction", "fraction": 0.5}')
    assert sized["trades"]
    assert all(45 < Decimal(trade["quantity"]) < 60 for trade in sized["trades"])  # half of 10000, a share is about 100


def test_orders_travel_and_take_only_their_share_of_the_volume(tmp_path, capsys):
    """Prints every second; two seconds of latency, and a fifth of a volume of 10 at each print."""
    path = tmp_path / "prints.csv"
    start = 1_709_303_400
    rows = [f"{start + n},{100 + round(3 * np.sin(n / 90), 2)},10" for n in range(2400)]
    path.write_text("ts,price,size\n" + "\n".join(rows))
    options = ["--data", path, "--symbol", "SPY", "--timeframe", "10s", "--quantity", "6", *FAST]
    at_once = backtest(capsys, *options)
    found = backtest(capsys, *options, "--latency", "2000", "--participation", "0.2")
    assert len(found["orders"]) == len(at_once["orders"]) > 5
    for order, quick in zip(found["orders"], at_once["orders"], strict=True):
        asked = pd.Timestamp(order["ts"])
        fills = [(pd.Timestamp(fill["ts"]) - asked).total_seconds() for fill in order["fills"]]
        assert [Decimal(fill["quantity"]) for fill in order["fills"]][:3] == [2, 2, 2]
        assert fills[:3] == [fills[0], fills[0] + 1, fills[0] + 2]
        assert fills[0] >= 2 > (pd.Timestamp(quick["fills"][0]["ts"]) - asked).total_seconds()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy", "ema", "--strategy", "ema"], "strategy: ema is there twice"),
        (["--param", "other.period_1=3"], "param: no strategy 'other' is in this run: ema"),
        (["--strategy", "ema", "--strategy", "supertrend", "--param", "nothing=3"], "none of ema, supertrend has"),
        (["--timeframe", "x=5"], "timeframe: no strategy 'x' is in this run"),
        (["--quantity", "IBM=5"], "quantity: no symbol 'IBM' is in this run"),
        (["--latency", "soon"], "latency: expected milliseconds"),
        (["--participation", "2"], "participation: expected a share of the volume"),
        (["--capital", "0"], "capital: expected an amount above 0"),
        (["--exits", '{"stopp": 1}'], "exits: .*unknown field"),
        (["--sizing", "half"], "sizing: .*found 'half'"),
        (["--adjust", "dividends"], "adjust: expected none or splits"),
        (["--adjust", "splits"], "factors: adjusting bars of a file needs a file of splits"),
        (["--symbol", "IBM"], "data: there is no file for IBM"),
        (["--from-archive"], "data: either files or --from-archive"),
        (["--start", "2030-01-01"], "start: spy.csv holds nothing of SPY in that time"),
    ],
)
def test_a_wrong_option_is_named(files, capsys, options, message):
    with pytest.raises(CommandError, match=message):
        backtest(capsys, *data(files), *options)


def test_of_many_symbols_a_label_names_some(files):
    one = str(files["SPY"])
    names = ("SPY", "QQQ", "IWM", "DIA", "GLD", "TLT", "XLF")
    few = StoredRun(Request(data=tuple(f"{name}={one}" for name in names[:5]), time_is="open"))
    many = StoredRun(Request(data=tuple(f"{name}={one}" for name in names), time_is="open"))
    assert few.label == "ema on SPY, QQQ, IWM, DIA, GLD, 1"
    assert many.label == "ema on SPY, QQQ, IWM, DIA and 3 more, 1"


def test_progress_is_told_in_plain_lines_where_nobody_looks(files, capsys, monkeypatch):
    monkeypatch.setattr("backtest.stored.STEP", 60)
    call_command("backtest", "--data", str(files["SPY"]), "--symbol", "SPY", "--time-is", "open")
    captured = capsys.readouterr()
    assert "ema on SPY, 1: 50 % of 240" in captured.err
    assert "trades (" in captured.out


GUARDED = '{"stop": {"value": 0.001}, "targets": [{"distance": {"value": 0.001}}]}'


def test_longer_bars_are_put_together_of_those_of_the_file_or_the_archive(files, tmp_path, settings, capsys):
    settings.ARCHIVE_DIR = str(tmp_path / "archive")
    columns = read_bars(files["SPY"], "SPY", time_is="open")
    Archive(settings.ARCHIVE_DIR).append("SPY", "1", columns.bars(source="file"))
    found = backtest(capsys, *data({"SPY": files["SPY"]}), *FAST, "--timeframe", "5")
    assert found["config"]["data"][0]["rows"] == 48
    assert {trade["entry_ts"][14:16] for trade in found["trades"]} <= {f"{minute:02d}" for minute in range(0, 60, 5)}
    stored = backtest(capsys, "--from-archive", "--symbol", "SPY", *FAST, "--timeframe", "5")
    assert stored["trades"] == found["trades"] != []
    several = backtest(
        capsys, *data({"SPY": files["SPY"]}), "--strategy", "ema", "--strategy", "supertrend",
        "--timeframe", "ema=5", "--timeframe", "supertrend=1",
    )  # fmt: skip
    assert several["config"]["data"][0]["rows"] == 240 + 48
    with pytest.raises(CommandError, match="bars of 30s cannot be put together of bars of 1"):
        backtest(capsys, *data({"SPY": files["SPY"]}), "--timeframe", "30s")


def test_orders_can_meet_the_finer_bars_inside_a_longer_one(files, capsys):
    """Without exits nothing changes; with them the minutes say what came first where the longer bar cannot."""
    options = [*data({"SPY": files["SPY"]}), *FAST, "--timeframe", "10"]
    plain, inside = backtest(capsys, *options), backtest(capsys, *options, "--intrabar")
    assert plain["trades"] == inside["trades"] != []
    guarded, precise = (backtest(capsys, *options, "--exits", GUARDED, *more) for more in ((), ("--intrabar",)))
    pairs = zip(guarded["trades"], precise["trades"], strict=True)
    [(guessed, known)] = [(one, two) for one, two in pairs if one["exit_reason"] != two["exit_reason"]]
    assert (guessed["exit_reason"], guessed["is_ambiguous"]) == ("stop", True)
    assert (known["exit_reason"], known["is_ambiguous"]) == ("target_1", False)
    with pytest.raises(CommandError, match="intrabar: there are no finer bars of SPY than those of 1"):
        backtest(capsys, *data({"SPY": files["SPY"]}), "--intrabar")


def test_a_strategy_on_prints_does_not_pass_over_bars_in_silence(files, capsys):
    with pytest.raises(CommandError, match=r"sma_ticks decides on prints, and spy\.csv holds bars"):
        backtest(capsys, *data({"SPY": files["SPY"]}), "--strategy", "sma_ticks")
    with pytest.raises(CommandError, match="every set was refused, the first: sma_ticks decides on prints"):
        call_command("sweep", *(str(each) for each in data({"SPY": files["SPY"]})), "--strategy", "sma_ticks",
                     "--grid", "short=5,6")  # fmt: skip
