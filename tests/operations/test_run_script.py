"""`./run` itself: what it says when something is missing, and that it costs nothing when nothing is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
# How a fake Python answers what `./run` asks first.
IS_NEW = 'case "$*" in *version_info*) exit 0;; --version) echo "Python 3.11.2";; '
TOOLS = [
    "bash",
    "env",
    "sed",
    "grep",
    "cat",
    "tee",
    "rm",
    "mkdir",
    "nice",
    "cp",
    "sha256sum",
    "readlink",
    "dirname",
    "sleep",
    "uname",
    "printf",
]
FILES = ("run", "requirements.txt", "requirements-assets.txt", "requirements-dev.txt", "requirements-learning.txt")


@pytest.fixture
def checkout(tmp_path):
    """A fresh checkout, as far as `./run` looks at it."""
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path):
    """A PATH with coreutils and bash, where a test decides what Python is."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def run(checkout: Path, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(path) if path else os.environ["PATH"], "HOME": str(checkout)}
    command = [str(checkout / "run"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=DEADLINE_S, check=False, cwd="/")


def test_an_old_python_is_named_with_the_remedy(checkout, tools):
    program(tools, "python3", 'case "$*" in *version_info*) exit 1;; *) echo "Python 3.9.2";; esac')
    answer = run(checkout, "manage", "help", path=tools)
    assert answer.returncode == 1
    assert "Python 3.11 or newer is needed and Python 3.9.2 was found" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stdout == ""


def test_a_missing_venv_module_is_named_with_the_remedy(checkout, tools):
    program(tools, "python3.11", IS_NEW + "*) exit 1;; esac")
    answer = run(checkout, "manage", "help", path=tools)
    assert answer.returncode == 1
    assert "apt install python3-venv" in answer.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("error: command 'gcc' failed: No such file or directory", "build-essential"),
        ("NewConnectionError: Failed to establish a new connection", "package index cannot be reached"),
        ("ERROR: No matching distribution found for numpy==9", "No matching distribution found for numpy==9"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_a_failed_installation_ends_in_one_line_with_the_remedy(checkout, tools, output, remedy):
    program(checkout, "pip-that-fails", IS_NEW + f"""*pip*) echo "{output}"; exit 1;; esac""")
    fill = f'echo "version = 3.11.2" >"$3/pyvenv.cfg"; cp {checkout}/pip-that-fails "$3/bin/python"'
    make_venv = f'mkdir -p "$3/bin"; {fill}'
    program(tools, "python3.11", IS_NEW + f"*) {make_venv};; esac")
    answer = run(checkout, "manage", "help", path=tools)
    assert answer.returncode == 1
    assert remedy in answer.stderr.splitlines()[-1]
    assert not (checkout / ".venv" / ".installed-base").exists()


def checks(checkout: Path, tools: Path, *, failing: str) -> subprocess.CompletedProcess[str]:
    """`./run test` with a Python that only notes what it is asked for."""
    asked = f'echo "$*" >>{checkout}/asked; case "$*" in *{failing}*) echo "$* found fault"; exit 1;; esac'
    program(checkout, "some-python", IS_NEW + f"*pip*) exit 0;; esac\n{asked}")
    fill = f'echo "version = 3.11.2" >"$3/pyvenv.cfg"; cp {checkout}/some-python "$3/bin/python"'
    program(tools, "python3.11", IS_NEW + f'*) mkdir -p "$3/bin"; {fill};; esac')
    answer = run(checkout, "test", path=tools)
    asked_for = (checkout / "asked").read_text()
    assert all(check in asked_for for check in ("ruff check", "ruff format", "importlinter", "mypy", "tests.whole"))
    return answer


@pytest.mark.parametrize(
    ("failing", "name"),
    [("ruff", "ruff"), ("importlinter", "lint-imports"), ("mypy", "mypy"), ("tests.whole", "pytest")],
)
def test_every_check_runs_and_the_one_that_fails_is_named(checkout, tools, failing, name):
    """Types are checked beside the tests: neither their status nor their words may be lost."""
    answer = checks(checkout, tools, failing=failing)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith(f"run: failed: {name}")
    assert "found fault" in answer.stdout


def test_where_no_check_fails_the_status_says_so(checkout, tools):
    answer = checks(checkout, tools, failing="nothing-of-this-name")
    assert (answer.returncode, "failed" in answer.stderr) == (0, False), answer.stderr


def test_an_unknown_command_is_refused_with_the_list_of_those_there_are(checkout):
    answer = run(checkout, "dmeo")
    assert answer.returncode == 1
    assert 'unknown command "dmeo"' in answer.stderr
    assert "demo [--live] [--speed N]" in answer.stderr


def test_it_installs_nothing_when_nothing_changed():
    """From any folder."""
    stamps = {path: path.stat().st_mtime_ns for path in (ROOT / ".venv").glob(".installed-*")}
    answer = run(ROOT, "test", "--version")
    assert (answer.returncode, "Installing" in answer.stderr) == (0, False)
    assert {path: path.stat().st_mtime_ns for path in (ROOT / ".venv").glob(".installed-*")} == stamps
