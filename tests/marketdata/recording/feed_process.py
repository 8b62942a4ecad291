"""A feed's loop in a process of its own, for a test that kills it: `python -m … REDIS_URL API_URL ARCHIVE_DIR`.

Everything is loaded before it waits for a line: a test that starts many has the next one ready.
"""

import asyncio
import json
import os
import signal
import sys

import uvloop

from infra.redis.client import aclose_clients, async_client
from infra.redis.leases import Lease
from marketdata.feeds.dxlink.feed import DXLinkFeed
from marketdata.feeds.dxlink.options import DXLinkOptions
from marketdata.feeds.dxlink.tokens import TokenSource
from marketdata.feeds.runner import LEASE_KIND, FeedRunner
from marketdata.feeds.truth import TruthOptions
from marketdata.recording.archiving import folder_of
from marketdata.recording.recorder import Recorder

NAME = "killed"
SECRET = json.dumps({"refresh_token": "r", "client_secret": "c"})


async def main(redis_url: str, api_url: str, archive: str) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    client = async_client(redis_url)
    feed = DXLinkFeed(NAME, token=TokenSource(api_url, SECRET).fetch, options=DXLinkOptions(reconnect_base_s=0.05))
    runner = FeedRunner(
        client,
        feed,
        lease=Lease(client, kind=LEASE_KIND, name=NAME, owner=str(os.getpid()), ttl_s=4.0),
        should_stop=stopping.is_set,
        options=TruthOptions(sessions="always"),
        recorder=Recorder(folder_of(archive, NAME)),
        history_bars=5,
        interval_s=0.1,
    )
    print(await runner.run(), flush=True)
    await aclose_clients()


if __name__ == "__main__":
    if sys.stdin.readline():
        uvloop.run(main(*sys.argv[1:]))
