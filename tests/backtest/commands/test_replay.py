import json
import math
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from backtest.management.commands.replay import parse_speed
from backtest.source import paced
from backtest.stored import parse_bits
from engine.errors import InvalidInput
from engine.model.market import Tick

START_NS = 1_381_152_600 * 10**9  # 2013-10-07 13:30 UTC


@pytest.fixture
def ticks_file(tmp_path: Path) -> Path:
    """A wave of prices, one print a second for two hours: short averages cross about every quarter of an hour."""
    path = tmp_path / "wave.csv"
    rows = [f"{START_NS + n * 10**9},{100 + math.sin(n / 300) * 2:.2f},{1 + n % 7}" for n in range(7200)]
    path.write_text("ts,price,size\n" + "\n".join(rows) + "\n")
    return path


def replay(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    call_command("replay", *[str(arg) for arg in args])
    return capsys.readouterr().out


def options(path: Path) -> tuple[object, ...]:
    return (path, "--symbol", "SPY", "--timeframe", "1", "--param", "period_1=3", "--param", "period_2=8")


def test_two_replays_are_byte_for_byte_the_same(ticks_file, capsys):
    first = replay(capsys, *options(ticks_file), "--json")
    assert replay(capsys, *options(ticks_file), "--json") == first
    assert len(json.loads(first)["trades"]) > 3


def test_the_document_has_the_fields_of_the_command_surface(ticks_file, capsys):
    found = json.loads(replay(capsys, *options(ticks_file), "--json", "--timing"))
    assert found.keys() == {"config", "trades", "orders", "stats", "throughput"}
    trade = found["trades"][0]
    assert {"strategy", "symbol", "side", "quantity", "entry_ts", "entry_price", "exit_ts", "exit_price", "pnl", "fees",
            "entry_reason", "exit_reason"} <= trade.keys()  # fmt: skip
    assert trade["entry_ts"].endswith("000000000Z")
    assert isinstance(trade["pnl"], str)
    assert found["throughput"]["events"] == 7200 + 120
    assert found["throughput"]["seconds"] > 0
    assert "throughput" not in json.loads(replay(capsys, *options(ticks_file), "--json", "--no-timing"))


def test_the_trades_add_up(ticks_file, capsys):
    found = json.loads(replay(capsys, *options(ticks_file), "--json", "--fees", "unit:0.01", "--quantity", "10"))
    total = sum(float(trade["pnl"]) for trade in found["trades"])
    assert math.isclose(total, float(found["stats"]["net_pnl"]), abs_tol=1e-9)
    assert found["trades"][0]["fees"] == "0.2"
    for before, after in zip(found["trades"], found["trades"][1:], strict=False):
        assert (before["exit_ts"], before["exit_price"]) == (after["entry_ts"], after["entry_price"])
        assert before["side"] != after["side"]


def test_a_reversal_is_one_order(ticks_file, capsys):
    found = json.loads(replay(capsys, *options(ticks_file), "--json"))
    assert [order["intent"] for order in found["orders"][:3]] == ["entry", "reversal", "reversal"]
    assert [order["quantity"] for order in found["orders"][:3]] == ["1", "2", "2"]


def test_an_order_fills_after_the_bar_that_decided_it(ticks_file, capsys):
    for order in json.loads(replay(capsys, *options(ticks_file), "--json"))["orders"]:
        assert order["fills"][0]["ts"] >= order["ts"]


def test_people_get_trades_profit_and_speed(ticks_file, capsys):
    text = replay(capsys, *options(ticks_file))
    assert "events/s" in text
    assert "net P&L" in text


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--strategy", "emma"), "Did you mean 'ema'"),
        (("--param", "period_9=3"), "period_9 is not a parameter"),
        (("--param", "period_1=0"), "period_1"),
        (("--speed", "fast"), "speed: expected max or a number above 0"),
        (("--fees", "lots"), "fees: expected none"),
        (("--slippage", "fixed:x"), "slippage: expected none"),
        (("--timeframe", "7x"), "timeframe"),
        (("--quantity", "0"), "quantity"),
    ],
)
def test_what_is_wrong_is_named(ticks_file, extra, message):
    with pytest.raises(CommandError, match=message):
        call_command("replay", *[str(arg) for arg in options(ticks_file)], *extra)


def test_a_missing_file_is_named():
    with pytest.raises(CommandError, match=r"nowhere\.parquet is no file"):
        call_command("replay", "nowhere.parquet", "--symbol", "SPY")


def test_a_paced_replay_waits_for_the_market():
    ticks = [Tick(ts=n * 10**9, symbol="SPY", price=1.0, size=1.0) for n in range(3)]
    import time

    began = time.monotonic()
    assert list(paced(ticks, 20.0)) == ticks
    assert time.monotonic() - began >= 0.1


def test_speed_and_bits_are_read_as_people_write_them():
    assert parse_speed("max") is None
    assert parse_speed("60") == 60.0
    assert parse_bits("0x20, 0x20000000") == 0x20000020
    assert parse_bits("") == 0
    with pytest.raises(InvalidInput, match="'odd'"):
        parse_bits("odd")


def test_a_real_week_replays_the_same_twice(shared_data, capsys):
    path = shared_data / "equity_ticks_IBM_2013-10.parquet"
    first = replay(capsys, path, "--symbol", "IBM", "--json")
    assert replay(capsys, path, "--symbol", "IBM", "--json") == first
    assert json.loads(first)["config"]["rows"] == 126_395
