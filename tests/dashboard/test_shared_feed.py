"""What viewers share goes on whatever happens in it, and ends with the last of them."""

import asyncio

from dashboard import shared_feed
from dashboard.shared_feed import FeedsOfLoops, SharedFeed
from tests.waiting import DEADLINE_S


class Counting(SharedFeed):
    """Breaks at its first try, and counts up at the next."""

    kinds = ("count",)

    def __init__(self) -> None:
        super().__init__("counting")
        self.tries = 0

    async def run(self) -> None:
        self.tries += 1
        self.publish({"kind": "count", "value": self.tries})
        if self.tries == 1:
            raise ZeroDivisionError("a bug")
        await asyncio.sleep(60)


async def test_a_feed_that_breaks_is_logged_and_begins_again(monkeypatch, caplog):
    monkeypatch.setattr(shared_feed, "AGAIN_AFTER_S", 0.01)
    feeds: FeedsOfLoops[Counting] = FeedsOfLoops()
    async with asyncio.timeout(DEADLINE_S), feeds.watch("it", Counting) as viewer:
        assert await viewer.next() == ['{"kind":"count","value":1}']
        assert await viewer.next() == ['{"kind":"count","value":2}']
        async with feeds.watch("it", Counting) as late:
            assert late.feed is viewer.feed
            assert await late.next() == ['{"kind":"count","value":2}'], "at once, without being made again"
        assert "counting" in {task.get_name() for task in asyncio.all_tasks()}, "somebody still views"
    assert "counting broke and begins again" in caplog.text
    assert "counting" not in {task.get_name() for task in asyncio.all_tasks()}
