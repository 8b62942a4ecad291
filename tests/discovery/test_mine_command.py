"""`mine` at the command line: the document, the tables, and what it refuses."""

import json
from typing import Any

import msgspec
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from backtest import trials
from discovery.mining.asked import MiningSpec
from discovery.models import MiningRun
from engine.rules.rule import parse_rules
from strategies.registry import parse_params
from tests.discovery import world

QUICK = (
    "--category",
    "price",
    "--depth",
    "1",
    "--patterns",
    "3",
    "--stop",
    "3",
    "--hold",
    "10",
    "--least-trades",
    "15",
)


pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of five-minute bars, as a person has them."""
    bars, path = world.planted(30, seed=5), tmp_path_factory.mktemp("mine") / "bars.csv"
    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    pd.DataFrame({"time": pd.to_datetime(bars.ts_open, utc=True), **columns}).to_csv(path, index=False)
    return ("--data", str(path), "--symbol", "SPY", "--timeframe", "5", "--time-is", "open")


def mined(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    call_command("mine", *options, "--json")
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_the_document_has_the_stages_the_rules_and_how_they_did_where_they_were_not_searched(source, capsys, tmp_path):
    out = tmp_path / "rules.json"
    document = mined(capsys, *source, *QUICK, "--out", str(out), "--no-timing", "--split", "random", "--seed", "4")
    assert json.loads(out.read_text()) == document
    assert document == mined(capsys, *source, *QUICK, "--no-timing", "--split", "random", "--seed", "4")
    assert (document["bars"], document["days"], document["spec"]["split"]["kind"]) == (2_340, 30, "random")
    assert {stage["name"] for stage in document["folds"][0]["stages"]} == {"single", "pattern"}
    assert document["rules"]
    for rule in document["rules"]:
        assert parse_rules([rule["rule"]]) == parse_rules(parse_params("rules", rule["params"]).rules)
        assert rule["test"]["days"] == 9
        assert set(rule["quality"]) == {"pnl", "drawdown", "hold", "exit_type", "giveback"}
        assert rule["worst"]["listed"]
    assert document["spec"]["grid"] == {"stop": [3.0], "target": [None, 1.5, 3.0], "trail": [None, 2.0], "hold": [10]}


def test_what_was_found_is_told_even_where_its_file_cannot_be_written(source, capsys, tmp_path):
    with pytest.raises(CommandError, match=r"A file that can be written was expected, found .*nowhere"):
        call_command(
            "mine", *source, *QUICK, "--side", "long", "--json", "--out", str(tmp_path / "nowhere" / "it.json")
        )
    assert json.loads(capsys.readouterr().out)["rules"]


def test_the_tables_tell_the_same(source, capsys):
    call_command("mine", *source, *QUICK, "--keep", "2", "--side", "long")
    said = capsys.readouterr().out
    for words in ("fold 1:", "single conditions", "quality of exits", "capital, and the worst trades", "best of "):
        assert words in said
    assert "exits: stop 3 ATR" in said
    assert "flat 5 min before the close" in said


def test_rules_of_a_file_compete(source, capsys, tmp_path):
    burst = {"all": [{"kind": "compare", "left": "relative_volume(20)", "op": ">", "right": 2}]}
    path = tmp_path / "seeds.json"
    path.write_text(json.dumps([{"rule": {"side": "long", "phases": [burst]}, "source": "fingerprint"}]))
    document = mined(capsys, *source, *QUICK, "--category", "temporal", "--seeds", str(path), "--keep", "100")
    assert "fingerprint" in {rule["source"] for rule in document["rules"]}


def test_the_conditions_are_listed_by_category(capsys):
    call_command("mine", "--symbol", "SPY", "--conditions", "--category", "flag")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20
    assert all(line.startswith("flag ") for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--depth", "9"), "depth"),
        (("--hold", "ten"), "hold"),
        (("--hold", "2.5"), "grid"),
        (("--side", "up"), "sides"),
        (("--category", "astrology"), "categories"),
        (("--rank-by", "luck"), "rank_by"),
        (("--split", "backwards"), "split"),
        (("--train-share", "1.5"), "train_share"),
        (("--quantity", "many"), "quantity"),
        (("--seeds", "nowhere.json"), "seeds"),
        (("--fees", "dear"), "fees"),
        (("--memory-mb", "1"), "memory_mb"),
    ],
)
def test_what_is_wrong_is_told_by_its_name(source, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("mine", *source, *options)


def test_a_spec_travels_as_json():
    spec = MiningSpec(depth=2, memory_mb=64)
    assert msgspec.json.decode(msgspec.json.encode(spec), type=MiningSpec) == spec


def test_a_search_is_kept_where_that_is_asked_for_and_counts_from_then_on(source, capsys):
    options = (*source, *QUICK, "--side", "long")
    document = mined(capsys, *options, "--save", "--name", "by hand", "--end", "2024-04-06")
    assert document["rules"]
    run = MiningRun.objects.get(pk=document["run"])
    assert (run.name, run.state, run.trials, run.spec["end"]) == ("by hand", "done", document["trials"], "2024-04-05")
    assert [rule.text for rule in run.rules.all()] == [rule["text"] for rule in document["rules"]]
    assert run.stages == [{"fold": 1, **stage} for stage in document["folds"][0]["stages"]]
    assert mined(capsys, *options, "--save")["earlier"] == run.trials
    assert MiningRun.objects.count() == 2


def test_a_search_that_is_not_kept_counts_as_well_and_once(source, capsys):
    options = (*source, *QUICK, "--side", "long")
    first = mined(capsys, *options)
    assert first["rules"]
    assert mined(capsys, *options)["rules"] == first["rules"]
    other = mined(capsys, *options, "--keep", "3")
    assert (first["earlier"], other["earlier"]) == (0, first["trials"])
    tally = trials.tally(strategy="rules", symbol="SPY", timeframe="5", first_ts=0, last_ts=2**62)
    assert tally.trials == first["trials"] + other["trials"]
    assert tally.variance == pytest.approx(first["variance"])
    assert not MiningRun.objects.exists()


def test_without_a_database_it_searches_and_says_that_nothing_was_counted(source, capsys, monkeypatch):
    def absent(*_, **__):
        raise OperationalError("no such table: backtest_trial")

    monkeypatch.setattr(trials, "tally", absent)
    monkeypatch.setattr(trials, "record_search", absent)
    call_command("mine", *source, *QUICK, "--json")
    said = capsys.readouterr()
    assert json.loads(said.out)["earlier"] == 0
    assert "Not counted among the trials" in said.err


@pytest.mark.parametrize(("option", "value"), [("--contract", "SPYM4"), ("--start", "2024-03-05T12:00")])
def test_what_a_record_could_not_say_again_is_not_kept(source, option, value):
    with pytest.raises(CommandError, match="was expected with --save"):
        call_command("mine", *source, *QUICK, option, value, "--save")
    assert not MiningRun.objects.exists()
