"""The packages we compare with, in an environment of their own: `.peers`, which `./run bench --peers` builds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".peers"
PINS = ROOT / "requirements-peers.txt"
MISSING = "the environment of the peers is missing: ./run bench --peers builds it"


def python() -> Path | None:
    """The interpreter of `.peers`, or None before it was built."""
    found = FOLDER / "bin" / "python"
    return found if found.exists() else None


def run(code: str, payload: Any = None, *, timeout_s: float = 600.0) -> tuple[Any, str]:
    """Run `code` among the peers: `payload` is its standard input as JSON, its last line of output the JSON answer.

    Returns (answer, "") or (None, the reason why there is none), which belongs into the row of the benchmark.
    """
    interpreter = python()
    if interpreter is None:
        return None, MISSING
    try:
        ended = subprocess.run(
            [interpreter, "-c", code], input=json.dumps(payload), capture_output=True, text=True, timeout=timeout_s,
            cwd=FOLDER, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"took longer than {timeout_s:g} s"
    lines = ended.stdout.strip().splitlines()
    if ended.returncode != 0 or not lines:
        return None, (ended.stderr.strip().splitlines() or [f"ended with status {ended.returncode}"])[-1]
    return json.loads(lines[-1]), ""


def install() -> bool:
    """Each peer by itself: one that cannot be installed does not keep the others out. False when none could."""
    if python() is None:
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    succeeded = [_install(line) for line in PINS.read_text().splitlines() if line and not line.startswith("#")]
    return any(succeeded)


def _install(requirements: str) -> bool:
    print(f"Installing {requirements} into .peers", file=sys.stderr)
    command = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *requirements.split()]
    ended = subprocess.run(command, stdout=sys.stderr, check=False)
    if ended.returncode != 0:
        print(f"{requirements} cannot be installed here: its comparisons will be null with the reason", file=sys.stderr)
    return ended.returncode == 0
