"""What failed beside others is looked at once more, and nothing is hidden by it."""

import pytest

from tests.whole import FEW, run

FAILS_ONCE = """
from pathlib import Path
def test_it():
    mark = Path(__file__).with_suffix(".ran")
    is_first = not mark.exists()
    mark.touch()
    assert not is_first
"""
FAILS = "def test_it():\n    assert False\n"
PASSES = "def test_it():\n    pass\n"


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite of one file for each given text; its exit status, without plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def of(*texts: str) -> int:
        for number, text in enumerate(texts):
            (tmp_path / f"test_{number}.py").write_text(text)
        return run(tmp_path, ("-q",))

    return of


def test_a_test_that_passes_alone_is_named_and_let_through(suite, capfd):
    assert suite(FAILS_ONCE, PASSES) == 0
    assert "Passed only when run alone" in (said := capfd.readouterr().err)
    assert "test_0.py::test_it" in said
    assert "test_1.py" not in said


def test_what_fails_alone_too_fails(suite, capfd):
    assert suite(FAILS_ONCE, FAILS) == 1
    assert "Passed only" not in capfd.readouterr().err


def test_many_failures_are_no_accident(suite, capfd):
    assert suite(*[FAILS_ONCE] * (FEW + 1)) == 1
    assert "!!" not in capfd.readouterr().err


def test_what_did_not_run_at_all_is_not_looked_at_again(suite, capfd):
    assert suite("import nothing_of_that_name\n") == 2
    assert "!!" not in capfd.readouterr().err
