"""Checks of the machine: Python and its packages, disk, memory, clock."""

import os
import re
import shutil
import socket
import struct
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from django.conf import settings

from infra.doctor.findings import Finding, State
from infra.processes.priority import may_run_ahead

_GB = 1_000_000_000
_NTP_EPOCH = 2_208_988_800  # seconds from 1900, where NTP counts from, to 1970
_NTP_SERVERS = ("time.cloudflare.com", "pool.ntp.org")
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)")


def python() -> Iterator[Finding]:
    """The interpreter (`./run` refuses one that is too old), and the packages that the requirements pin."""
    yield Finding("python", State.OK, ".".join(map(str, sys.version_info[:3])))
    wrong = list(unmet_pins(settings.BASE_DIR / "requirements.txt"))
    if wrong:
        yield Finding("packages", State.FAILED, "; ".join(wrong), "delete .venv, then start ./run again")
    else:
        yield Finding("packages", State.OK, "as pinned in requirements.txt")


def account() -> Iterator[Finding]:
    """Whose rights the processes have."""
    if os.geteuid() == 0:
        yield Finding("account", State.WARNING, "root", "run as a user of its own: a fault can then do less harm")
    else:
        yield Finding("account", State.OK, "not root")


def unmet_pins(path: Path) -> Iterator[str]:
    """ "redis 8.1.0 is pinned, 7.0 is installed" for every pin of `path` that is not met."""
    for line in path.read_text().splitlines():
        match = _PIN.match(line)
        if match is None:
            continue
        name, pinned = match.groups()
        try:
            installed = version(name)
        except PackageNotFoundError:
            installed = "nothing"
        if installed != pinned:
            yield f"{name} {pinned} is pinned, {installed} is installed"


def disk() -> Iterator[Finding]:
    """Room for the archive, the database and Redis' append-only file."""
    usage = shutil.disk_usage(settings.VAR_DIR if settings.VAR_DIR.exists() else settings.BASE_DIR)
    detail = f"{usage.free / _GB:.1f} GB free of {usage.total / _GB:.0f} GB"
    data = {"free_bytes": usage.free, "total_bytes": usage.total}
    if usage.free < 1 * _GB:
        yield Finding(
            "disk", State.FAILED, detail, "free at least 5 GB: Redis and the journal stop when it is full", data
        )
    elif usage.free < 5 * _GB:
        yield Finding("disk", State.WARNING, detail, "free at least 5 GB before recording ticks", data)
    else:
        yield Finding("disk", State.OK, detail, data=data)


def memory() -> Iterator[Finding]:
    """4 GB is the least the product is tested with."""
    now = psutil.virtual_memory()
    detail = f"{now.available / _GB:.1f} GB available of {now.total / _GB:.1f} GB, {psutil.cpu_count() or 1} cores"
    data = {"available_bytes": now.available, "total_bytes": now.total}
    if now.available < 0.5 * _GB:
        yield Finding("memory", State.FAILED, detail, "end other programs: less than 0.5 GB is left", data)
    elif now.total < 3.5 * _GB or (psutil.cpu_count() or 1) < 2:
        yield Finding("memory", State.WARNING, detail, "2 cores and 4 GB are the least for a small book", data)
    else:
        yield Finding("memory", State.OK, detail, data=data)


def priority() -> Iterator[Finding]:
    """Whether feeds need not wait while the machine is busy with something else."""
    if not settings.FEEDS_RUN_AHEAD:
        yield Finding("priority", State.OK, "feeds have the priority of everything else, as FEEDS_RUN_AHEAD says")
    elif may_run_ahead():
        yield Finding("priority", State.OK, "feeds run ahead of everything else")
    else:
        yield Finding(
            "priority", State.WARNING, "feeds may not run ahead: prints wait while the machine is busy",
            "on Linux with 2 cores allow real-time priority (LimitRTPRIO=1 in systemd, ulimits: rtprio in containers), "
            "or set FEEDS_RUN_AHEAD=false",
        )  # fmt: skip


def clock() -> Iterator[Finding]:
    """The offset against a time server; unknown, and said so, where none can be reached."""
    for server in _NTP_SERVERS:
        offset = ntp_offset_s(server)
        if offset is not None:
            yield judge_offset(offset, server)
            return
    yield Finding(
        "clock", State.UNKNOWN, f"no time server answered ({', '.join(_NTP_SERVERS)})",
        "make sure that chrony or systemd-timesyncd runs: orders and bars are stamped with this clock",
    )  # fmt: skip


def judge_offset(offset_s: float, server: str) -> Finding:
    """Half a second moves ticks into the wrong bar; tens of milliseconds blur latency figures."""
    detail = f"{offset_s * 1000:+.0f} ms against {server}"
    data = {"offset_s": offset_s}
    if abs(offset_s) > 0.5:
        return Finding("clock", State.FAILED, detail, "start chrony or systemd-timesyncd", data)
    if abs(offset_s) > 0.05:
        return Finding("clock", State.WARNING, detail, "start chrony or systemd-timesyncd", data)
    return Finding("clock", State.OK, detail, data=data)


def ntp_offset_s(server: str, *, port: int = 123, timeout_s: float = 1.0) -> float | None:
    """The server's clock minus ours in seconds (RFC 5905 §8), or None when it does not answer."""
    request = b"\x1b" + 47 * b"\0"  # version 3, client
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout_s)
            sent = time.time()
            sock.sendto(request, (server, port))
            answer = sock.recv(48)
            received = time.time()
    except OSError:
        return None
    if len(answer) < 48:
        return None
    arrived_there, left_there = _timestamp(answer[32:40]), _timestamp(answer[40:48])
    return ((arrived_there - sent) + (left_there - received)) / 2


def _timestamp(field: bytes) -> float:
    seconds, fraction = struct.unpack("!II", field)
    return float(seconds - _NTP_EPOCH + fraction / 2**32)
