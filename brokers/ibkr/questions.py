"""Questions on one connection: each waits for the message that ends its answer."""

import asyncio
from collections.abc import Callable
from typing import Any

from brokers.ibkr.codec import Codec
from brokers.ibkr.errands import end_with
from brokers.venue import OutcomeUnknown

Name = int | str  # the number of a request, or the kind where requests have none


class Questions:
    """`timeout_s` is how long an answer may take from when the question left; `too_late` is called with the reason when
    one takes longer."""

    def __init__(self, codec: Codec, *, timeout_s: float, too_late: Callable[[str], None]) -> None:
        self._codec = codec
        self._timeout_s = timeout_s
        self._too_late = too_late
        self._open: dict[Name, asyncio.Future[None]] = {}

    def __contains__(self, name: Name) -> bool:
        return name in self._open

    def __bool__(self) -> bool:
        return bool(self._open)

    def expect(self, name: Name) -> "asyncio.Future[None]":
        """Done when `end` says so."""
        self._open[name] = asyncio.get_running_loop().create_future()
        return self._open[name]

    def forget(self, name: Name) -> None:
        self._open.pop(name, None)

    async def ask(self, name: Name, send: Callable[[], None]) -> None:
        """Returns when the whole answer was told. `OutcomeUnknown` where it is not."""
        answer = self.expect(name)
        try:
            send()
            await self._has_left(answer)
            async with asyncio.timeout(self._timeout_s):
                await answer
        except TimeoutError:
            text = f"it did not answer within {self._timeout_s:g} s"
            self._too_late(text)
            raise OutcomeUnknown(f"IB Gateway: {text}") from None
        except ConnectionError as error:
            raise OutcomeUnknown(f"the line to IB Gateway is not up: {error}") from error
        finally:
            self.forget(name)

    async def _has_left(self, answer: "asyncio.Future[None]") -> None:
        """The pace may keep it back; a line that breaks meanwhile ends the answer."""
        letter = self._codec.last
        if letter is not None and not letter.sent.is_set():
            leaving = asyncio.create_task(letter.sent.wait())
            either: set[asyncio.Future[Any]] = {leaving, answer}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()

    def end(self, name: Name) -> None:
        answer = self._open.get(name)
        if answer is not None and not answer.done():
            answer.set_result(None)

    def fail(self, name: Name, error: Exception) -> None:
        if name in self._open:
            end_with(self._open[name], error)

    def fail_all(self, error: Exception) -> None:
        for answer in list(self._open.values()):
            end_with(answer, error)
