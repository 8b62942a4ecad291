"""A study on this test's database, with the messages to workers kept in a list."""

from typing import Any

import pytest
from channels.layers import get_channel_layer

from backtest import services, tasks
from backtest.distributed import work
from backtest.models import Study
from fortified.settings.storage import channel_layers


class Sent:
    """Takes what would go to workers; `play` does their work in this process."""

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
            getattr(tasks, name.rpartition(".")[2])(*args)

    def names(self) -> list[str]:
        return [name.rpartition(".")[2] for name, _ in self.tasks]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Sent:
    found = Sent()
    monkeypatch.setattr(services, "current_app", found)
    monkeypatch.setattr(tasks, "current_app", found)
    return found


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's transaction holds the database: the thread that keeps a claim could only wait for its end."""
    monkeypatch.setattr(work, "BEAT_S", 600.0)


@pytest.fixture
def redis_layer(redis_url: str, settings: Any) -> Any:
    """The channel layer that is used outside tests."""
    settings.CHANNEL_LAYERS = channel_layers(redis_url)
    return get_channel_layer()


@pytest.fixture
def start(sent: Sent, django_capture_on_commit_callbacks: Any) -> Any:
    """Start a study as a request does, and let its messages go out."""

    def go(document: dict[str, Any], user: Any = None) -> Study:
        with django_capture_on_commit_callbacks(execute=True):
            return services.create_study(user=user, document=document)

    return go
