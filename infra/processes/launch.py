"""What `./run demo` and `./run up` do: check, start in order, say where the page is, stop in order."""

import fcntl
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from engine.errors import Conflict, FortifiedError
from infra.processes import embedded_redis, ports, services
from infra.processes.fleet import Fleet
from infra.processes.log import RunLog

PAGE_WITHIN_S = 120.0
FIRST_SIMULATOR_PORT = 9410


class SetupFailed(FortifiedError):
    """The database could not be prepared; the log above says why."""


@dataclass(frozen=True)
class Options:
    """What a person may choose on the command line."""

    is_demo: bool
    is_live: bool = False  # a rehearsal: live mode against the simulated brokers
    host: str = "127.0.0.1"
    port: int = 8000
    speed: float = 1.0
    seed: int = 7


def run(options: Options) -> int:
    """Run until asked to stop; 0 when everything then ended by itself."""
    started = time.monotonic()
    var: Path = settings.VAR_DIR
    with _only_one(var / "run.lock", options):
        check_port(options.port, options.host)
        if options.is_live:
            _begin_anew(var)
        fleet = Fleet(root=settings.BASE_DIR, log=RunLog(var / "log" / "run.log"))
        fleet.listen_for_signals()
        try:
            _start(fleet, options, var, started)
        except FortifiedError as error:
            fleet.failed = error.detail
            fleet.stop(f"Stopping: {error.detail}")
        fleet.loop()
        settings.EMBEDDED_REDIS_PORT_FILE.unlink(missing_ok=True)
        fleet.say("Everything has ended")
    return 1 if fleet.failed or fleet.was_killed else 0


def check_port(port: int, host: str) -> None:
    """Refuse early, in one line, what would otherwise be a stack trace of the web server."""
    if not ports.is_free(port, host):
        raise ports.PortBusy(
            f"port {port} is in use by another program: stop that one, or choose another port with --port {port + 1}"
        )


@contextmanager
def _only_one(path: Path, options: Options) -> Iterator[None]:
    """One run per folder of state. The lock ends with the process, so a crash leaves none behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Conflict(
                f"it is already running in this folder ({lock.read().strip() or 'by another program'}): "
                "stop that one with Ctrl-C first"
            ) from None
        lock.seek(0)
        lock.truncate()
        # Guards and services inherit no lock: Python opens files as not inheritable over exec, and a guard that
        # outlives us is killed by the kernel.
        lock.write(f"process {os.getpid()}, port {options.port}\n")
        lock.flush()
        yield


def _start(fleet: Fleet, options: Options, var: Path, started: float) -> None:
    if settings.EMBEDDED_REDIS:
        _start_redis(fleet, var / "redis")
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    if options.is_demo:
        port = ports.first_free(FIRST_SIMULATOR_PORT, together=3)  # calls, prices, account streams
        fleet.start(services.simulators(port=port, speed=options.speed, seed=options.seed))
        arguments = ("--demo", f"http://127.0.0.1:{port}")
        if options.is_live:
            arguments, environment = (*arguments, "--live"), services.rehearsal(port=port)
    status = fleet.run_to_end(_with(services.setup(*arguments), environment))
    if fleet.is_stopping:
        return
    if status != 0:
        raise SetupFailed('the database could not be prepared; the lines of "setup" above say why')
    for service in services.product(host=options.host, port=options.port):
        fleet.start(_with(service, environment))
    _announce(fleet, options, started)


def _with(service: services.Service, environment: dict[str, str]) -> services.Service:
    return replace(service, environment={**service.environment, **environment})


def _begin_anew(var: Path) -> None:
    """A rehearsal begins flat: its brokers forget everything when they end, so our books of the last one would not
    agree with them. Only the installation's own secrets stay."""
    for each in var.iterdir():
        if each.is_dir():
            shutil.rmtree(each)
        elif each.name.startswith("db.sqlite3"):
            each.unlink()


def _start_redis(fleet: Fleet, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    port = ports.first_free(6390)
    settings.EMBEDDED_REDIS_PORT_FILE.write_text(str(port))  # read by the settings of every process started later
    fleet.start(embedded_redis.service(folder=folder, port=port, runs_ahead=settings.FEEDS_RUN_AHEAD))
    is_ready = fleet.pump_until(lambda: embedded_redis.answers(port), within_s=embedded_redis.READY_WITHIN_S)
    if not is_ready and not fleet.is_stopping:
        raise SetupFailed(f'the embedded Redis did not answer on port {port}; the lines of "redis" above say why')


def _announce(fleet: Fleet, options: Options, started: float) -> None:
    address = f"http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{options.port}"
    if fleet.pump_until(lambda: page_answers(f"{address}/api/health"), within_s=PAGE_WITHIN_S):
        fleet.banner([f"Fortified is at {address}   (after {time.monotonic() - started:.1f} s)", *_login(options)])
    elif not fleet.is_stopping:
        fleet.say(f'The page does not answer after {PAGE_WITHIN_S:g} s. The lines of "web" say why; try ./run doctor')


def _login(options: Options) -> list[str]:
    if not options.is_demo:
        return ["Log in with your account; the first one is made by: ./run manage createsuperuser", "Stop with Ctrl-C"]
    kept: Path = settings.VAR_DIR / "demo_password"
    password = settings.DEMO_PASSWORD or (kept.read_text().strip() if kept.exists() else "see the setup lines above")
    lines = ["E-mail    demo@fortified.local", f"Password  {password}", "Stop with Ctrl-C"]
    if options.is_live:
        lines.insert(0, "REHEARSAL: live mode, real order path, simulated brokers, no real money")
    return lines


def page_answers(address: str) -> bool:
    """Whether the web service serves; a refusal of the host name is an answer too, a failure inside is not."""
    try:
        with urllib.request.urlopen(address, timeout=2.0):  # noqa: S310  our own address
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
