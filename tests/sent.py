"""What would go to Celery's workers, kept in a list and worked off in the test's own process."""

from importlib import import_module
from typing import Any


class Sent:
    """Stands in for a Celery application; `play` does the work of its workers."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, list[int]]] = []

    def send_task(self, name: str, args: list[int], **options: Any) -> None:
        self.tasks.append((name, args))

    def play(self, *, at_most: int = 1_000) -> None:
        """Work off what was sent, in order, with all that follows from it."""
        for _ in range(at_most):
            if not self.tasks:
                return
            name, args = self.tasks.pop(0)
            module, _, task = name.rpartition(".")
            getattr(import_module(module), task)(*args)

    def names(self) -> list[str]:
        return [name.rpartition(".")[2] for name, _ in self.tasks]
