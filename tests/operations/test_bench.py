"""The bench command: one JSON document, peers that are missing said so, figures kept."""

import json
import sys
import types

import pytest

from benchmarks import __main__ as bench
from benchmarks import peers


@pytest.fixture
def fake(monkeypatch):
    """A benchmark called `sample`, whose rows a test sets."""
    module = types.ModuleType("benchmarks.sample")
    module.rows = [{"name": "speed_per_s", "value": 12345.6, "unit": "1/s", "target": 10000.0, "met": True}]  # type: ignore[attr-defined]

    def run():
        print("chatter of a library")
        return module.rows

    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "benchmarks.sample", module)
    monkeypatch.setattr(bench, "names", lambda: ["sample"])
    return module


def test_standard_output_is_one_json_document_and_nothing_else(fake, capsys):
    assert bench.main(["sample", "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["bench"] == "sample"
    assert document["results"] == fake.rows
    assert document["machine"]["cores"] >= 1
    assert document["machine"]["cpu"]
    assert "chatter" in captured.err


def test_several_names_give_a_list(fake, capsys):
    assert bench.main(["sample", "sample", "--json"]) == 0
    assert [document["bench"] for document in json.loads(capsys.readouterr().out)] == ["sample", "sample"]


def test_a_figure_without_a_value_needs_its_reason(fake):
    fake.rows = [{"name": "ratio_to_peer", "value": None, "unit": "x"}]
    with pytest.raises(ValueError, match="ratio_to_peer: has no value and no reason"):
        bench.main(["sample", "--json"])


def test_a_missing_peer_is_null_with_the_reason(fake, capsys):
    fake.rows = [{"name": "ratio_to_peer", "value": None, "unit": "x", "reason": peers.MISSING}]
    assert bench.main(["sample", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row == {
        "name": "ratio_to_peer",
        "value": None,
        "unit": "x",
        "target": None,
        "met": None,
        "reason": peers.MISSING,
    }


def test_an_unknown_benchmark_is_refused_naming_those_there_are(fake, capsys):
    assert bench.main(["smaple"]) == 1
    assert "no benchmark is called smaple; there are: sample" in capsys.readouterr().err


def test_saved_figures_are_rows_of_one_table(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "HISTORY", tmp_path / "performance.md")
    bench.main(["sample", "--save"])
    (row,) = (tmp_path / "performance.md").read_text().splitlines()
    assert "| sample | `speed_per_s` | 12,346 | 1/s | 10,000 |" in row


def test_code_runs_among_the_peers_with_its_input(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    code = "import json, sys; print('noise'); print(json.dumps([2 * x for x in json.load(sys.stdin)]))"
    assert peers.run(code, [1, 2]) == ([2, 4], "")
    assert peers.run("raise ImportError('no vectorbt here')") == (None, "ImportError: no vectorbt here")


def test_without_the_peers_environment_the_reason_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    assert peers.run("print(1)") == (None, peers.MISSING)
