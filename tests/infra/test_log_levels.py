"""Levels of logging that change while processes run."""

import json
import logging
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from engine.errors import InvalidInput, NotFound
from infra.log_follower import Follower
from infra.log_levels import Chosen, Levels, choose, chosen, take_back
from infra.logging import CHATTER
from infra.redis.client import sync_client
from tests.waiting import DEADLINE_S

OURS = "tests.levels"


@pytest.fixture
def client(redis_url):
    return sync_client(redis_url)


@pytest.fixture(autouse=True)
def levels_of_this_process():
    """What a test changes here is undone."""
    named = ["", "django", "django.server", "daphne.http_protocol", OURS, "trading", *CHATTER]
    before = {name: logging.getLogger(name).level for name in named}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_a_chosen_level_holds_until_it_is_taken_back_or_its_time_is_over(client, monkeypatch):
    choose(client, "trading.runtime", "debug")
    choose(client, "root", "ERROR", for_s=60)
    assert {name: each.level for name, each in chosen(client).items()} == {"root": "ERROR", "trading.runtime": "DEBUG"}
    now = time.time() + 61
    monkeypatch.setattr("time.time", lambda: now)
    assert list(chosen(client)) == ["trading.runtime"]
    assert take_back(client, "trading.runtime") == ["trading.runtime"]
    assert chosen(client) == {}
    with pytest.raises(NotFound, match=r"No level was chosen for 'trading\.runtime'"):
        take_back(client, "trading.runtime")


@pytest.mark.parametrize(
    ("name", "level", "for_s", "field"),
    [
        ("root", "LOUD", None, "level"),
        ("root", "", None, "level"),
        ("tradng.runtime", "INFO", None, "name"),
        ("../x", "INFO", None, "name"),
        ("", "INFO", None, "name"),
        ("root", "INFO", 0.0, "minutes"),
    ],
)
def test_what_would_change_nothing_is_refused_by_its_field(client, name, level, for_s, field):
    with pytest.raises(InvalidInput) as refused:
        choose(client, name, level, for_s=for_s)
    assert refused.value.field == field
    assert chosen(client) == {}


def test_a_logger_becomes_what_is_chosen_and_then_what_it_was(caplog):
    logging.getLogger(OURS).setLevel(logging.ERROR)
    levels = Levels("INFO")
    assert levels.apply({OURS: Chosen("DEBUG")})
    assert logging.getLogger(OURS).level == logging.DEBUG
    assert f"levels of logging: {OURS} DEBUG" in caplog.text
    assert not levels.apply({OURS: Chosen("DEBUG")})
    assert levels.apply({})
    assert logging.getLogger(OURS).level == logging.ERROR
    assert "as the setting says (INFO)" in caplog.text


def test_everything_at_a_level_is_what_the_setting_would_have_made_of_it():
    levels = Levels("INFO")
    for name in CHATTER:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger().setLevel(logging.INFO)
    levels.apply({"root": Chosen("DEBUG"), "trading": Chosen("ERROR")})
    assert {logging.getLogger(name).getEffectiveLevel() for name in ("", "django", OURS, *CHATTER)} == {logging.DEBUG}
    assert logging.getLogger("trading.runtime").getEffectiveLevel() == logging.ERROR
    levels.apply({"root": Chosen("INFO")})  # a line for each of the tasks that run every two seconds is for DEBUG only
    assert {logging.getLogger(name).level for name in CHATTER} == {logging.WARNING}
    levels.apply({})
    assert logging.getLogger().level == logging.INFO
    assert logging.getLogger("trading.runtime").getEffectiveLevel() == logging.INFO


def test_a_running_process_follows_and_goes_on_while_redis_is_away(client, redis_url):
    follower = Follower(redis_url, "INFO", every_s=0.01)
    nowhere = Follower("redis://127.0.0.1:1/0", "INFO")
    follower.start()
    follower.start()
    try:
        choose(client, OURS, "DEBUG")
        until(lambda: logging.getLogger(OURS).level == logging.DEBUG)
        nowhere.look()
        assert logging.getLogger(OURS).level == logging.DEBUG
        take_back(client)
        until(lambda: logging.getLogger(OURS).level == logging.NOTSET)
    finally:
        follower.stop()


def until(is_met) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_command_chooses_shows_and_takes_back(client):
    def said(*arguments: str) -> str:
        out = StringIO()
        call_command("loglevel", *arguments, stdout=out)
        return out.getvalue()

    assert "Nothing is chosen: LOG_LEVEL=INFO rules." in said()
    assert json.loads(said("--json")) == []
    said("root", "WARNING", "--minutes", "5")
    (row,) = json.loads(said("--json"))
    assert (row["logger"], row["level"], row["left"]) == ("root", "WARNING", "5 min left")
    table = said("trading", "debug")
    assert [line.split()[:2] for line in table.splitlines()] == [
        ["logger", "level"],
        ["root", "WARNING"],
        ["trading", "DEBUG"],
    ]
    assert "Nothing is chosen" in said("--default")
    with pytest.raises(
        CommandError, match="level: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL; found 'loud'"
    ):
        said("root", "loud")
