"""What one may choose of a Databento feed."""

from typing import Annotated, Literal

from msgspec import Meta

from marketdata.feeds.streaming.options import Seconds, StreamOptions

MINUTE_BARS_MUTE_S = 150.0  # minutes come once a minute: that long a silence says nothing


class DatabentoOptions(StreamOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`dataset`: one a feed, GLBX.MDP3 is CME's futures. `prints`: every trade (`trades`), with the quote it met
    (`tbbo`), with every change of that quote too (`mbp-1`), or the vendor's bars alone. `contract`: which one a root
    means, by our own calendar of rolls, or by the vendor's front month (c), open interest (n) or volume (v).
    `gateway`: host:port, empty for the vendor's. `replay_missed_s`: what was missed while the line was away no longer
    than that is sent again by the vendor; 0 never asks for it. `max_cost_usd`: a request for history that costs more
    is refused; 0 never asks what it costs.
    """

    dataset: str = "GLBX.MDP3"
    prints: Literal["trades", "tbbo", "mbp-1", "ohlcv-1s", "ohlcv-1m"] = "tbbo"
    contract: Literal["calendar", "c", "n", "v"] = "calendar"
    statistics: bool = True
    status: bool = True
    definitions: bool = True
    gateway: str = ""
    heartbeat_s: Annotated[int, Meta(ge=5, le=1800)] = 10
    dead_after_s: Seconds = 20.0  # not even a heartbeat for so long
    slow_reader: Literal["skip", "warn"] = "skip"
    replay_missed_s: Annotated[float, Meta(ge=0, le=80_000)] = 900.0
    max_cost_usd: Annotated[float, Meta(ge=0)] = 1.0
    requests_per_minute: Annotated[int, Meta(ge=1)] = 1_200  # 20 a second

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the gateway."""
        default = f"{self.dataset.lower().replace('.', '-')}.lsg.databento.com:13000"
        host, _, port = (self.gateway or default).rpartition(":")
        return host, int(port)

    @property
    def schemas(self) -> list[str]:
        """What is subscribed, prints first."""
        return [
            self.prints,
            *["statistics"] * self.statistics,
            *["status"] * self.status,
            *["definition"] * self.definitions,
        ]
