"""Subscriptions one at a time: Alpaca answers in order and does not say to which, and refuses a message as a whole."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Build = Callable[[str, list[str]], bytes]  # action, symbols → message


class _Request(NamedTuple):
    action: str
    symbols: list[str]


class Asking:
    """The requests of one connection. A refused one is halved until the symbols are found that do not fit."""

    def __init__(self, build: Build, *, batch: int) -> None:
        self._build = build
        self._batch = batch
        self._waiting: deque[_Request] = deque()
        self._asked: _Request | None = None

    def reset(self) -> None:
        """A new connection: nothing was asked on it."""
        self._waiting.clear()
        self._asked = None

    def ask(self, action: str, symbols: Sequence[str]) -> Iterable[bytes]:
        """Ask for it in its turn; what to send now."""
        for at in range(0, len(symbols), self._batch):
            self._waiting.append(_Request(action, list(symbols[at : at + self._batch])))
        return self._next()

    def granted(self) -> tuple[list[str], Iterable[bytes]]:
        """The last request was answered; the symbols it was about, and what to send next."""
        asked, self._asked = self._asked, None
        return asked.symbols if asked else [], self._next()

    def refused(self) -> tuple[list[str], Iterable[bytes]]:
        """The last request was refused; the symbols that cannot be had, and what to send next."""
        asked, self._asked = self._asked, None
        lost: list[str] = []
        if asked is not None and len(asked.symbols) > 1:
            middle = len(asked.symbols) // 2
            self._waiting.appendleft(_Request(asked.action, asked.symbols[middle:]))
            self._waiting.appendleft(_Request(asked.action, asked.symbols[:middle]))
        elif asked is not None:
            lost = asked.symbols
        return lost, self._next()

    def _next(self) -> Iterable[bytes]:
        if self._asked is not None or not self._waiting:
            return ()
        self._asked = self._waiting.popleft()
        return (self._build(self._asked.action, self._asked.symbols),)
