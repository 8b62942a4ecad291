"""Prometheus metrics of the long-lived loops: declared here, counted where the work is done, gathered from Redis.

Each loop leaves its own exposition in Redis (`keys.metrics`, with a TTL) about once a second, and each worker after a
task. The web process serves all of them together at /metrics, each sample with the name of its process as a label.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

FEED_FRAMES = Counter("feed_frames_total", "Frames received from the venue", ["feed"])
FEED_TICKS = Counter("feed_ticks_total", "Prints received", ["feed"])
FEED_BARS = Counter("feed_bars_total", "Bars completed and written", ["feed"])
FEED_REVISED = Counter("feed_bars_revised_total", "Bars given out once more, corrected or in doubt", ["feed"])
FEED_REPAIRED = Counter("feed_bars_repaired_total", "Incomplete bars replaced by the venue's own", ["feed"])
FEED_LATE = Counter("feed_late_prints_total", "Prints that came after their bar had been given out", ["feed"])
FEED_DROPPED = Counter("feed_bars_dropped_total", "Bars given up because Redis took nothing for too long", ["feed"])
FEED_ENTRIES = Counter("feed_stream_entries_total", "Entries written to Redis streams", ["feed"])
FEED_RECONNECTS = Counter("feed_connects_total", "Connections opened to the venue", ["feed"])
FEED_GAPS = Counter("feed_gaps_total", "Symbols that lost prints", ["feed"])
FEED_ALERTS = Counter("feed_alerts_total", "Changes of a symbol to anything but fresh", ["feed"])
FEED_LAG = Histogram(
    "feed_write_lag_seconds",
    "From the receipt of a frame to its entries being in Redis",
    ["feed"],
    buckets=(
        *(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02, 0.03, 0.05, 0.1),
        *(0.25, 1.0, 5.0),
    ),
)
FEED_NOT_FRESH = Gauge("feed_symbols_not_fresh", "Symbols whose data may not be traded on", ["feed"])
FEED_CLOCK_OFFSET = Gauge(
    "feed_clock_offset_seconds", "Least age of prints on receipt: below 0 our clock is behind the venue's", ["feed"]
)
FEED_RECORDER_BEHIND = Gauge("feed_recorder_behind", "1 while the recording does not keep up", ["feed"])
FEED_RECORDS_MISSED = Counter("feed_records_missed_total", "Records that the recording left out", ["feed"])
FEED_UNREAD_LOST = Counter("feed_unread_lost_total", "Entries dropped before a running reader had them", ["feed"])
FEED_UNREAD = Gauge("feed_unread_share", "Of a stream's room: what its slowest reader has not acknowledged", ["feed"])

TASK_SECONDS = Histogram(
    "task_seconds",
    "How long short tasks of the workers took, by how they ended",
    ["task", "end"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0),
)
ARCHIVED = Counter("archive_rows_total", "Rows carried into the archive", ["kind"])
ARCHIVE_LOST = Counter("archive_bars_lost_total", "Bars that were trimmed before they were archived")
ARCHIVE_FAILED = Counter("archive_failed_total", "Streams and recordings that could not be archived", ["kind"])
BACKFILL_BARS = Counter("backfill_bars_total", "Bars of history received", ["source"])
BACKFILL_ADDED = Counter("backfill_bars_added_total", "Those of them that were new", ["source"])
BACKFILL_ENDED = Counter("backfill_symbols_total", "Symbols that a backfill has ended with", ["source", "end"])
HISTORY_DIFFERS = Gauge(
    "history_symbols_differing", "Symbols and timeframes of the last night that the vendor has otherwise"
)


def exposition() -> bytes:
    """This process's metrics as text."""
    return generate_latest(REGISTRY)


def buckets(histogram: Histogram, *labels: str) -> dict[str, int]:
    """How many observations each bucket holds by itself, by its upper bound in seconds."""
    found = histogram.labels(*labels)
    return {f"{bound:g}": int(count.get()) for bound, count in zip(found._upper_bounds, found._buckets, strict=True)}


def gathered(texts: Mapping[str, bytes | str]) -> bytes:
    """Several processes' expositions as one, each sample labelled with the `process` it is of."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gathered(texts))
    return generate_latest(registry)


class _Gathered(Collector):
    def __init__(self, texts: Mapping[str, bytes | str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        """One family of each name, with the samples of all processes."""
        families: dict[str, Metric] = {}
        for process, text in sorted(self._texts.items()):
            decoded = text.decode() if isinstance(text, bytes) else text
            for family in text_string_to_metric_families(decoded):
                held = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                held.samples += [
                    sample._replace(labels={**sample.labels, "process": process}) for sample in family.samples
                ]
        yield from families.values()
