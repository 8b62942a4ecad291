"""A PostgreSQL server for tests, from the binaries of the pgserver wheel; also where the suite runs as root."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.waiting import DEADLINE_S


class PostgresServer:
    """Own folder, own port, nothing that outlives the machine. `url` names its empty default database."""

    def __init__(self, port: int) -> None:
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self._port = port
        self._folder = Path(tempfile.mkdtemp(prefix="fortified-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        programs, user = self._programs(), "nobody" if os.geteuid() == 0 else None
        data = self._folder / "data"
        data.mkdir()
        if user:
            self._folder.chmod(0o755)
            shutil.chown(data, user)
        # en_US and friends are not installed everywhere; C is
        choices = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        # PostgreSQL refuses to run as root; "nobody" is in every system.
        subprocess.run(
            [str(programs / "initdb"), "-D", str(data), *choices],
            check=True,
            capture_output=True,
            cwd=self._folder,
            user=user,
        )
        self._launch(programs)
        self._wait(programs)

    def crash(self) -> None:
        """End it at once, with every connection: what was not committed is lost, what was is there after `again`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def again(self) -> None:
        """Start it on the data that it left."""
        programs = self._programs()
        self._launch(programs)
        self._wait(programs)

    def _launch(self, programs: Path) -> None:
        settings = {"port": self._port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(self._folder / "data"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            user="nobody" if os.geteuid() == 0 else None,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self, programs: Path) -> None:
        deadline = time.monotonic() + DEADLINE_S
        probe = [str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(probe, capture_output=True, check=False).returncode:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("postgres did not start")
            time.sleep(0.05)

    def _programs(self) -> Path:
        """The wheel's programs, copied where the server's user cannot read them (an environment below /root)."""
        spec = find_spec("pgserver")
        if spec is None or spec.origin is None:
            raise RuntimeError("the package pgserver (requirements-dev.txt) is not installed")
        installed = Path(spec.origin).parent / "pginstall"
        if os.geteuid() != 0 or all(
            parent.stat().st_mode & 0o005 == 0o005 for parent in (installed, *installed.parents)
        ):
            return installed / "bin"
        copy = self._folder / "pginstall"
        if copy.exists():
            return copy / "bin"
        shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include"))
        return copy / "bin"
