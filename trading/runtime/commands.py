"""Commands as a source of the inbox: read in order, and only those that nobody has answered yet."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.model.commands import Command
from infra import codec
from infra.redis import keys
from infra.redis.client import AsyncRedis
from trading.runtime.inbox import Delivery

FROM_THE_START = "0-0"
BLOCK_MS = 1_000

Unanswered = Callable[[Sequence[str]], Awaitable[set[str]]]


class CommandSource:
    """Reads `commands:{book}` from where the committed cursor stands. `unanswered(ids)` says which still wait for an
    answer: after a cold start the stream holds old ones too."""

    def __init__(self, client: AsyncRedis, *, book: str, cursor: str | None, unanswered: Unanswered) -> None:
        self._client = client
        self._key = keys.commands(book)
        self._cursor = cursor or FROM_THE_START
        self._unanswered = unanswered

    async def read(self) -> Delivery:
        """The next commands; empty when none came for a second."""
        reply: Any = await self._client.xread({self._key: self._cursor}, count=100, block=BLOCK_MS)
        if not reply:
            return Delivery(events=(), cursors={})
        entries = reply[0][1] if isinstance(reply, list) else next(iter(reply.values()))[0]
        self._cursor = entries[-1][0]
        commands = [codec.decode(fields["e"]) for _, fields in entries]
        wanted = await self._unanswered([c.command_id for c in commands if isinstance(c, Command)])
        events = [c for c in commands if isinstance(c, Command) and c.command_id in wanted]
        return Delivery(events=events, cursors={self._key: self._cursor})
