"""How management commands answer: a table for people, lines for grep, JSON for machines."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
import redis
from django.core.management import CommandError
from django.core.management.base import OutputWrapper
from django.db import OperationalError

from engine.errors import InvalidInput
from infra.terminal import confirm, read_secret, refusals, show

ROWS = [
    {"book": "paper", "state": "running", "is_default": True, "note": {"a": 1, "b": "x"}, "price": Decimal("1.50")},
    {"book": "real", "state": "halted: [stop]", "is_default": False, "note": "x" * 200, "price": Decimal("2")},
]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: StringIO, rows=ROWS, *, as_json: bool = False) -> str:
    show(OutputWrapper(stream), rows, as_json=as_json, empty="Nothing yet.")
    return stream.getvalue()


def test_piped_each_row_is_one_plain_line():
    lines = shown(StringIO()).splitlines()
    assert lines[0].split() == ["book", "state", "is", "default", "note", "price"]
    assert lines[1].split() == ["paper", "running", "yes", "a=1,", "b=x", "1.50"]
    assert lines[2].split() == ["real", "halted:", "[stop]", "no", "x" * 200, "2"]
    assert len(lines) == 3
    assert "\x1b" not in "".join(lines)


def test_on_a_terminal_what_is_well_and_what_is_not_have_their_colours(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = shown(Terminal())
    assert "\x1b[32mrunning" in text
    assert "\x1b[31mhalted: [stop]" in text


def test_as_json_it_is_one_document_whatever_the_values_are():
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    assert json.loads(shown(StringIO(), [{"at": moment, "price": Decimal("1.50")}], as_json=True)) == [
        {"at": "2026-11-20T00:00:00Z", "price": "1.50"}
    ]
    assert json.loads(shown(StringIO(), [], as_json=True)) == []


def test_nothing_to_show_is_said():
    assert shown(StringIO(), []) == "Nothing yet.\n"


def test_a_refusal_ends_a_command_with_its_sentence():
    with pytest.raises(CommandError, match="hour: expected 0 to 23, found 24"), refusals():
        raise InvalidInput("hour: expected 0 to 23, found 24", field="hour")
    with pytest.raises(CommandError, match="Redis does not answer"), refusals():
        raise redis.ConnectionError("refused")
    with pytest.raises(CommandError, match=r"no such table: trading_book.*migrate"), refusals():
        raise OperationalError("no such table: trading_book")


@pytest.mark.parametrize(("typed", "goes_on"), [("yes\n", True), ("y\n", False), ("\n", False), ("", False)])
def test_only_a_yes_in_full_goes_on(monkeypatch, capsys, typed, goes_on):
    monkeypatch.setattr("sys.stdin", StringIO(typed))
    if goes_on:
        confirm("Sure?", yes=False)
        return
    with pytest.raises(CommandError, match=r"[Nn]othing was changed"):
        confirm("Sure?", yes=False)
    confirm("Sure?", yes=True)


def test_a_secret_may_be_piped_in(monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("hunter2 \nmore\n"))
    assert read_secret("Password: ") == "hunter2"
