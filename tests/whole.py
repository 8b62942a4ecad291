"""The whole suite as `./run test` runs it: in parallel, and what failed there once more alone."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Four workers on two cores: more than half of a worker's time is waiting for processes, lines and minutes.
BESIDE_EACH_OTHER = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
FEW = 5
TESTS_FAILED = 1  # pytest's exit status; the others mean that not everything ran


def run(folder: Path = ROOT, how: tuple[str, ...] = BESIDE_EACH_OTHER) -> int:
    """Exit status 0 where every test passed, together or alone.

    Hundreds of tests start processes and wait for them: on a busy machine one may miss its deadline. A fault fails
    alone too. What only passes alone is named at the end and wants to be mended, and more than `FEW` are no accident.
    """
    status = _pytest(folder, *how)
    if status != TESTS_FAILED:
        return status
    failed = last_failed(folder)
    if not 0 < len(failed) <= FEW:
        return status
    _say(f"{len(failed)} failed beside the others; once more, alone:", *failed)
    again = _pytest(folder, *failed)
    if again == 0:
        _say("Passed only when run alone, so they depend on speed or on their neighbours:", *failed)
    return again


def last_failed(folder: Path) -> list[str]:
    """The ids of the tests that failed when they ran last, by pytest's own notes."""
    notes = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    return sorted(json.loads(notes.read_text())) if notes.exists() else []


def _pytest(folder: Path, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=folder, check=False).returncode


def _say(title: str, *names: str) -> None:
    print(f"!! {title}", *(f"   {name}" for name in names), sep="\n", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(run())
