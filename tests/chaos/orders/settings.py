"""Settings of the campaign's processes: its own database and Redis, the simulated venue, quick answers."""

import os

from fortified.settings.base import VENUES
from tests.process_settings import *  # noqa: F403

TASTYTRADE: dict[str, object] = VENUES["tastytrade"]  # type: ignore[assignment]
TASTYTRADE |= {
    "api_url": os.environ.get("CHAOS_VENUE_URL", ""),
    "stream_url": os.environ.get("CHAOS_STREAM_URL", ""),
    "client_id": "chaos",
    "client_secret": "chaos",
    "timeout_s": 1.0,
    "settle_s": 0.5,
    "heartbeat_s": 1.0,
}

# Connections are kept as a worker in production keeps them: the campaign looks every 10 ms.
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}  # noqa: F405
