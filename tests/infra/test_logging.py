"""No secret leaves in a log line."""

import io
import logging

import psycopg
import pytest
from django.db import OperationalError

import infra.logging
from infra.logging import ScrubbingFormatter, logging_config, register_secret, scrub


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    """Other tests of this process register what they log in with."""
    monkeypatch.setattr(infra.logging, "_secrets", set())


def test_a_secret_that_is_an_ordinary_word_does_not_shield_others():
    register_secret("secret")
    assert "hunter2" not in scrub("POST /token?client_secret=hunter2hunter2&grant_type=x")
    assert scrub("it was secret") == "it was [redacted]"


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer hunter2hunter2",
        "authorization: Basic aHVudGVyMjpodW50ZXIy",
        '{"access_token": "hunter2hunter2", "expires_in": 1200}',
        "{'refresh_token': 'hunter2hunter2'}",
        "POST /token?client_secret=hunter2hunter2&grant_type=x",
        "password=hunter2hunter2",
        "API-KEY: hunter2hunter2",
        "redis://user:hunter2hunter2@cache:6379/0",
        "got eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoxfQhunter2.c2lnbmF0dXJlhunter2",
    ],
)
def test_what_looks_like_a_credential_is_redacted(line):
    assert "hunter2" not in scrub(line)
    assert "aHVudGVy" not in scrub(line)
    assert "[redacted]" in scrub(line)


@pytest.mark.parametrize("line", ["12 tokens left", "secretary: Ada", "tick SPY 412.5 at 09:30:00", "token refreshed"])
def test_ordinary_words_stay(line):
    assert scrub(line) == line


def test_a_registered_secret_is_redacted_wherever_it_stands():
    register_secret("s3cr3t-of-this-test")
    assert scrub("x=s3cr3t-of-this-test!") == "x=[redacted]!"


def test_tracebacks_are_scrubbed_and_context_is_shown():
    register_secret("s3cr3t-of-this-test")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ScrubbingFormatter("{levelname}{context}: {message}", style="{"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("s3cr3t-of-this-test")
    except ValueError:
        logger.exception("failed", extra={"strategy": "ema", "symbol": "/NQ"})
    text = stream.getvalue()
    assert text.startswith("ERROR [ema /NQ]: failed")
    assert "ValueError" in text
    assert "s3cr3t" not in text


def test_the_level_is_the_one_asked_for():
    assert logging_config("ERROR")["root"]["level"] == "ERROR"


@pytest.mark.parametrize(
    ("cause", "is_short"),
    [
        (psycopg.OperationalError("connection failed\n\tIs the server running on that host?"), True),
        (psycopg.errors.AdminShutdown("terminating connection"), True),
        (psycopg.errors.DeadlockDetected("deadlock detected"), False),
    ],
)
def test_a_database_that_is_away_is_told_in_one_line(cause, is_short):
    formatter = ScrubbingFormatter("{levelname} {message}", style="{")
    try:
        raise OperationalError(str(cause)) from cause
    except OperationalError as error:
        raised = error
    record = logging.LogRecord("x", logging.ERROR, "", 0, "Task %s", ("supervise",), (type(raised), raised, None))
    text = formatter.format(record)
    assert text.startswith("ERROR Task supervise")
    assert str(cause).partition("\n")[0] in text
    assert (text.count("\n") == 0) is is_short
    assert record.exc_info, "other handlers see the record as it was"
