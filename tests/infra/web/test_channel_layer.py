"""A reader of the channel layer ends when it is asked to, also where the client swallows that."""

import asyncio
from contextlib import suppress
from typing import Any

from infra.web.channel_layer import ChannelLayer
from tests.waiting import DEADLINE_S


class Swallowing:
    """A connection that answers a cancelled question instead of ending, as `asyncio.wait_for` may do in Python 3.11."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def eval(self, *arguments: Any) -> None:
        self.asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(DEADLINE_S if not self._is_cancelled() else 0)

    async def bzpopmin(self, channel: str, timeout: float) -> None:
        await asyncio.sleep(0)

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0


async def test_a_cancelled_reader_ends_although_the_client_answered_instead():
    layer, connection = ChannelLayer(), Swallowing()
    layer.connection = lambda index: connection
    reader = asyncio.ensure_future(layer.receive(await layer.new_channel()))
    await connection.asked.wait()
    reader.cancel()
    done, _ = await asyncio.wait([reader], timeout=DEADLINE_S)
    assert done == {reader}
    assert reader.cancelled()
