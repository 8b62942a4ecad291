"""`manage bars`: one file in, one file out, one line or one document said."""

import json

import pytest
from django.core.management import CommandError, call_command

OPEN = 1_381_152_600 * 10**9


@pytest.fixture
def prints(tmp_path):
    rows = "".join(f"{OPEN + i * 10**9},{100 + i},1,{i % 2 * 32},SPY\n" for i in range(10))
    path = tmp_path / "prints.csv"
    path.write_text("ts,Last,size,cond,symbol\n" + rows)
    return path


def test_bars_are_written_and_summed_up_in_json(prints, tmp_path, capsys):
    out = tmp_path / "bars.csv"
    call_command("bars", str(prints), "--symbol", "SPY", "--timeframe", "4t", "--out", str(out), "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["symbol"], said["timeframe"], said["ticks"], said["bars"]) == ("SPY", "4t", 10, 3)
    assert [line.split(",")[9] for line in out.read_text().splitlines()] == ["trade_count", "4", "4", "2"]


def test_the_file_that_is_read_is_never_written_over(prints):
    before = prints.read_text()
    with pytest.raises(CommandError, match="out: another file"):
        call_command("bars", str(prints), "--timeframe", "1", "--out", str(prints))
    assert prints.read_text() == before


def test_conditions_are_excluded_and_columns_mapped(prints, tmp_path, capsys):
    out = tmp_path / "bars.csv"
    call_command(
        "bars", str(prints), "--timeframe", "1m", "--out", str(out), "--map", "price=Last",
        "--exclude-conditions", "0x20,0x20000000",
    )  # fmt: skip
    values = out.read_text().splitlines()[1].split(",")
    assert values[4:10] == ["100", "108", "100", "108", "10", "10"]
    assert "1 bars of SPY 1 from 10 prints" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--timeframe", "5x"], "timeframe"),
        (["--timeframe", "1", "--symbol", "IBM"], "SPY"),
        (["--timeframe", "1", "--map", "price"], "OURS=COLUMN"),
        (["--timeframe", "1", "--exclude-conditions", "odd"], "0x20"),
        (["--timeframe", "1d", "--session", "MARS"], "XNYS"),
        (["--timeframe", "1", "--timezone", "Mars/Base"], "timezone"),
        (["--timeframe", "1", "--out", "no/such/folder.csv"], "out: a folder that exists"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(prints, tmp_path, arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("bars", str(prints), "--out", str(tmp_path / "bars.csv"), *arguments)
    assert not (tmp_path / "bars.csv").exists()
