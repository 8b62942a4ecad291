"""Checks of what should be running: the page, the workers of every queue, feeds, leases, static files."""

import json
import re
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import redis
from celery import current_app
from django.conf import settings
from django.core import checks
from kombu.exceptions import OperationalError

from infra.doctor.findings import Finding, State
from infra.doctor.stores import quick_client
from infra.processes.services import BACKTEST_QUEUES, FEED_QUEUES, SHORT_QUEUES, TRADER_QUEUES
from infra.redis import keys

_START = "./run demo or ./run up start it"
_WORKERS_ANSWER_WITHIN_S = 1.5
_LOCK_PORT = re.compile(r"port (\d+)")


def configuration() -> Iterator[Finding]:
    """Django's own system checks, with those of a deployment where this is one."""
    is_production = settings.ENVIRONMENT == "production"
    found = [issue for issue in checks.run_checks(include_deployment_checks=is_production) if not issue.is_silenced()]
    for issue in found:
        state = State.FAILED if issue.is_serious() else State.WARNING
        yield Finding("configuration", state, str(issue.msg), str(issue.hint or "./run manage check says more"))
    if not found:
        yield Finding("configuration", State.OK, f"environment {settings.ENVIRONMENT}")


def static_files() -> Iterator[Finding]:
    """In production the pages' files must have been collected."""
    root: Path = settings.STATIC_ROOT
    if settings.ENVIRONMENT != "production":
        yield Finding("static files", State.OK, "served from the source")
    elif not (root / "admin").is_dir():
        yield Finding("static files", State.FAILED, "not collected", "./run manage collectstatic --no-input")
    else:
        yield Finding("static files", State.OK, "collected")


def page() -> Iterator[Finding]:
    """The web service answers its own health check."""
    port = running_port(settings.VAR_DIR / "run.lock") or settings.PORT
    address = f"http://127.0.0.1:{port}/api/health"
    try:
        with urllib.request.urlopen(address, timeout=3.0) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        yield Finding("page", State.FAILED, f"{address} answers {error.code}", 'the log of "web" says why')
    except (OSError, ValueError) as error:
        yield Finding("page", State.FAILED, f"{address} does not answer: {error}", _START)
    else:
        yield Finding("page", State.OK, f"{address} says {document.get('status')}")


def running_port(lock: Path) -> int | None:
    """The port of the `./run` that holds the lock file, or held it last."""
    match = _LOCK_PORT.search(lock.read_text()) if lock.exists() else None
    return int(match.group(1)) if match else None


def workers() -> Iterator[Finding]:
    """Every queue has a Celery worker that takes from it and answers."""
    try:
        quick_client().ping()  # the broker is the same server; Celery's own client would try for seconds
        inspector = current_app.control.inspect(timeout=_WORKERS_ANSWER_WITHIN_S)
        answers = cast("dict[str, list[dict[str, Any]]]", inspector.active_queues() or {})
    except (redis.RedisError, OperationalError, OSError) as error:
        yield Finding("workers", State.UNKNOWN, f"the broker does not answer: {error}", _START)
        return
    yield judge_queues({name: [queue["name"] for queue in queues] for name, queues in answers.items()})


def judge_queues(consumed: dict[str, list[str]]) -> Finding:
    """`consumed`: worker → the queues it takes from."""
    wanted = {*FEED_QUEUES, *TRADER_QUEUES, *SHORT_QUEUES, *BACKTEST_QUEUES}
    missing = sorted(wanted - {queue for queues in consumed.values() for queue in queues})
    data = {"workers": consumed, "queues_without_worker": missing}
    if missing:
        return Finding("workers", State.FAILED, f"nobody works on: {', '.join(missing)}", _START, data)
    return Finding("workers", State.OK, ", ".join(sorted(consumed)), data=data)


def feeds() -> Iterator[Finding]:
    """What the running feeds say of each symbol."""
    try:
        states = _states(quick_client())
    except redis.RedisError as error:
        yield Finding("feeds", State.UNKNOWN, f"Redis does not answer: {error}", _START)
        return
    yield judge_feeds(states)


def _states(client: redis.Redis) -> dict[str, str]:
    pattern = keys.feed_state("*")
    prefix = len(pattern) - 1
    found = [str(key) for key in client.scan_iter(match=pattern, count=1000)]
    return {key[prefix:]: str(client.hget(key, "state") or "unknown") for key in found}


def judge_feeds(states: dict[str, str]) -> Finding:
    """`states`: symbol → fresh | stale | gapped | suspect."""
    counted = Counter(states.values())
    detail = ", ".join(f"{count} {state}" for state, count in sorted(counted.items()))
    if not states:
        return Finding("feeds", State.WARNING, "no feed has reported a symbol", "start a strategy, or " + _START)
    if counted["fresh"] == len(states):
        return Finding("feeds", State.OK, detail, data={"symbols": states})
    remedy = "outside market hours stale is normal; else docs/operations/troubleshooting.md, No prices"
    return Finding("feeds", State.WARNING, detail, remedy, {"symbols": states})


def feed_clocks() -> Iterator[Finding]:
    """How far our clock is from each venue's, as the feeds measure it by the prints they receive."""
    yield _of_feed_beats("feed clocks", judge_feed_clocks)


def feed_readers() -> Iterator[Finding]:
    """Whether the books keep up with what the feeds publish for them."""
    yield _of_feed_beats("feed readers", judge_feed_readers)


def _of_feed_beats(name: str, judge: Callable[[list[dict[str, Any]]], Finding]) -> Finding:
    try:
        client = quick_client()
        found = [client.get(key) for key in client.scan_iter(match=keys.heartbeat("feed:*"), count=1000)]
    except redis.RedisError as error:
        return Finding(name, State.UNKNOWN, f"Redis does not answer: {error}", _START)
    return judge([json.loads(str(beat)) for beat in found if beat])


def judge_feed_readers(beats: list[dict[str, Any]]) -> Finding:
    """`beats`: the heartbeats of the running feeds."""
    behind = [told for beat in beats for told in beat.get("behind", ())]
    data = {"unread_lost": {beat["feed"]: beat.get("unread_lost", 0) for beat in beats}}
    if behind:
        remedy = "its process is stuck or too slow: restart it, or give some of its symbols to another book"
        return Finding("feed readers", State.FAILED, "; ".join(behind), remedy, data)
    return Finding("feed readers", State.OK, "nobody who runs is behind", data=data)


def judge_feed_clocks(beats: list[dict[str, Any]]) -> Finding:
    """`beats`: the heartbeats of the running feeds."""
    offsets = {beat["feed"]: beat.get("clock_offset_ms") for beat in beats}
    measured = {feed: ms for feed, ms in offsets.items() if ms is not None}
    detail = ", ".join(f"{feed} {ms:+.0f} ms" for feed, ms in sorted(measured.items())) or "nothing was measured yet"
    if any(beat.get("clock_apart") for beat in beats):
        remedy = "start chrony or systemd-timesyncd; where that runs, the venue's data are delayed"
        return Finding("feed clocks", State.FAILED, detail, remedy, {"offset_ms": offsets})
    return Finding("feed clocks", State.OK, detail, data={"offset_ms": offsets})


def leases() -> Iterator[Finding]:
    """Who holds what, and whether each holder showed a sign of life."""
    try:
        client = quick_client()
        held = {str(key): _holder(client, str(key)) for key in client.scan_iter(match=keys.lease("*", "*"), count=1000)}
        beats = {str(key): client.get(key) for key in client.scan_iter(match=keys.heartbeat("*"), count=1000)}
    except redis.RedisError as error:
        yield Finding("leases", State.UNKNOWN, f"Redis does not answer: {error}", _START)
        return
    detail = "; ".join(f"{key} by {holder}" for key, holder in sorted(held.items())) or "none is held"
    data = {"leases": held, "heartbeats": sorted(beats), "asked_at": time.time()}
    if not held:
        yield Finding("leases", State.WARNING, detail, "nothing trades and no feed runs: start a strategy", data)
    else:
        yield Finding("leases", State.OK, detail, data=data)


def _holder(client: redis.Redis, key: str) -> str:
    try:
        return str(json.loads(str(client.get(key))).get("owner"))
    except (ValueError, AttributeError):
        return "nobody: it ended while we looked"
