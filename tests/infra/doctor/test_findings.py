"""What the doctor makes of what it measures."""

import json
import socket
import struct
import threading
import time
from io import StringIO

import pytest
from django.core.management import call_command
from rich.console import Console

from infra.doctor import machine, report, running, stores
from infra.doctor.findings import Finding, State, examine, is_well


def test_a_check_that_breaks_is_a_finding_and_the_others_still_run():
    def broken():
        raise ZeroDivisionError("nought")
        yield

    found = examine({"first": broken, "second": lambda: [Finding("second", State.OK, "fine")]})
    assert [(finding.name, finding.state) for finding in found] == [("first", State.FAILED), ("second", State.OK)]
    assert "ZeroDivisionError: nought" in found[0].detail


@pytest.mark.parametrize(
    ("state", "well"), [(State.OK, True), (State.WARNING, True), (State.UNKNOWN, True), (State.FAILED, False)]
)
def test_only_a_failure_makes_the_whole_unwell(state, well):
    assert is_well([Finding("x", state, "")]) is well


def test_a_package_that_is_not_the_pinned_one_is_named(tmp_path):
    pins = tmp_path / "requirements.txt"
    pins.write_text("# comment\npytest==0.1\nno-such-package==1.0\n")
    wrong = list(machine.unmet_pins(pins))
    assert wrong[0].startswith("pytest 0.1 is pinned, ")
    assert wrong[1] == "no-such-package 1.0 is pinned, nothing is installed"


@pytest.fixture
def time_server():
    """A time server on loopback that is 2.5 s ahead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer():
            _, client = server.recvfrom(64)
            ahead = time.time() + 2.5 + 2_208_988_800
            stamp = struct.pack("!II", int(ahead), int(ahead % 1 * 2**32))
            server.sendto(b"\x1c" + 31 * b"\0" + stamp + stamp, client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(timeout=2)


def test_the_clock_offset_is_the_servers_minus_ours(time_server):
    offset = machine.ntp_offset_s("127.0.0.1", port=time_server)
    assert offset is not None
    assert offset == pytest.approx(2.5, abs=0.05)
    assert machine.judge_offset(offset, "server").state is State.FAILED


def test_a_clock_that_cannot_be_compared_is_unknown_not_ok(monkeypatch):
    monkeypatch.setattr(machine, "ntp_offset_s", lambda server: None)
    (finding,) = machine.clock()
    assert finding.state is State.UNKNOWN
    assert finding.remedy


@pytest.mark.parametrize(
    ("version", "state"), [("6.0.16", State.FAILED), ("6.2.14", State.OK), ("7.2", State.OK), ("8.1.0", State.OK)]
)
def test_a_redis_too_old_for_our_streams_is_refused(version, state):
    assert stores.judge_version(version).state is state


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({"aof_enabled": 0}, State.WARNING),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, State.FAILED),
        ({"aof_enabled": 1, "aof_last_write_status": "ok"}, State.OK),
    ],
)
def test_a_redis_that_forgets_is_reported(info, state):
    assert stores.judge_persistence(info).state is state


def test_a_redis_that_evicts_is_refused_because_it_may_drop_a_command():
    info = {"used_memory": 1, "maxmemory": 10, "maxmemory_policy": "allkeys-lru"}
    assert stores.judge_eviction(info).state is State.FAILED
    assert stores.judge_eviction({**info, "maxmemory_policy": "noeviction"}).state is State.OK


def test_a_queue_that_no_worker_takes_from_is_named():
    finding = running.judge_queues({"worker@host": ["default", "backtests", "finalize", "discovery", "feeds"]})
    assert finding.state is State.FAILED
    assert finding.data["queues_without_worker"] == ["traders"]


def test_symbols_that_are_not_fresh_are_counted_by_state():
    finding = running.judge_feeds({"/MES": "fresh", "SPY": "stale", "QQQ": "stale"})
    assert finding.state is State.WARNING
    assert finding.detail == "1 fresh, 2 stale"
    assert running.judge_feeds({"/MES": "fresh"}).state is State.OK


def test_clocks_that_are_apart_are_to_be_mended():
    near = {"feed": "dxlink", "clock_offset_ms": 31.0, "clock_apart": False}
    far = {"feed": "schwab", "clock_offset_ms": -2400.0, "clock_apart": True}
    assert running.judge_feed_clocks([near, {"feed": "new", "clock_offset_ms": None}]).state is State.OK
    finding = running.judge_feed_clocks([near, far])
    assert (finding.state, finding.detail) == (State.FAILED, "dxlink +31 ms, schwab -2400 ms")
    assert "chrony" in finding.remedy
    assert running.judge_feed_clocks([]).state is State.OK


def test_a_book_that_does_not_keep_up_is_named():
    well, behind = (
        {"feed": "a", "unread_lost": 0, "behind": []},
        {"feed": "b", "unread_lost": 7, "behind": ["x is behind"]},
    )
    assert running.judge_feed_readers([well]).state is State.OK
    found = running.judge_feed_readers([well, behind])
    assert (found.state, found.detail) == (State.FAILED, "x is behind")
    assert found.data == {"unread_lost": {"a": 0, "b": 7}}


def test_the_port_of_the_running_system_is_read_from_its_lock(tmp_path):
    lock = tmp_path / "run.lock"
    assert running.running_port(lock) is None
    lock.write_text("process 12, port 8055\n")
    assert running.running_port(lock) == 8055


def test_redis_being_away_is_said_with_the_remedy(settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    (finding,) = stores.redis_server()
    assert finding.state is State.FAILED
    assert "./run" in finding.remedy


def test_a_real_redis_is_examined(settings, redis_url):
    settings.REDIS_URL = redis_url
    found = {finding.name: finding for finding in stores.redis_server()}
    assert found["redis"].state is State.OK
    assert found["redis persistence"].state is State.WARNING, "the tests' server keeps nothing"


@pytest.mark.django_db
def test_a_migrated_database_is_well():
    found = {finding.name: finding.state for finding in stores.database()}
    assert found["database"] is State.OK
    assert found["migrations"] is State.OK


@pytest.mark.django_db
def test_the_command_prints_one_json_document_and_fails_while_something_is_wrong(settings, capsys, monkeypatch):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(machine, "ntp_offset_s", lambda server: None)
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json")
    document = json.loads(capsys.readouterr().out)
    states = {check["name"]: check["state"] for check in document["checks"]}
    assert ended.value.code == 1
    assert document["status"] == "failed"
    assert states["redis"] == "failed"
    assert states["python"] == "ok"


def test_every_failure_and_warning_of_ours_comes_with_a_remedy():
    judged = [
        stores.judge_version("5.0"),
        stores.judge_persistence({"aof_enabled": 0}),
        running.judge_queues({}),
        running.judge_feeds({}),
        machine.judge_offset(9.0, "server"),
    ]
    assert all(finding.remedy for finding in judged)


def test_the_table_shows_the_remedy_of_what_is_wrong_only():
    output = StringIO()
    findings = [Finding("good", State.OK, "fine", "never shown"), Finding("bad", State.FAILED, "[broken]", "mend it")]
    report.print_table(findings, Console(file=output, width=200))
    assert "never shown" not in output.getvalue()
    assert "mend it" in output.getvalue()
    assert "[broken]" in output.getvalue()
    assert "1 to mend" in output.getvalue()
