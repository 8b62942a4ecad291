"""How far a long command is: a bar where a person looks at it, plain lines elsewhere; always on standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

Progress = Callable[[int, int], None]  # done, of how many

PLAIN_SHARES = 10  # a piped progress says this often how far it is


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """What to call with how much is done, and of how much."""
    if not sys.stderr.isatty():
        yield _Lines(label).report
        return
    bar = RichProgress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=min(done, total), total=total)


class _Lines:
    """Progress as lines; nothing for what is done at once."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._told = 0

    def report(self, done: int, total: int) -> None:
        share = PLAIN_SHARES * done // total if total else PLAIN_SHARES
        if self._told < share < PLAIN_SHARES:
            self._told = share
            sys.stderr.write(f"{self._label}: {100 * share // PLAIN_SHARES} % of {total:,}\n")
            sys.stderr.flush()
