"""Prometheus metrics of the long-lived loops: declared here, counted where the work is done."""

from prometheus_client import Counter, Gauge, Histogram

FEED_FRAMES = Counter("feed_frames_total", "Frames received from the venue", ["feed"])
FEED_TICKS = Counter("feed_ticks_total", "Prints received", ["feed"])
FEED_BARS = Counter("feed_bars_total", "Bars completed and written", ["feed"])
FEED_ENTRIES = Counter("feed_stream_entries_total", "Entries written to Redis streams", ["feed"])
FEED_RECONNECTS = Counter("feed_connects_total", "Connections opened to the venue", ["feed"])
FEED_GAPS = Counter("feed_gaps_total", "Symbols that lost prints", ["feed"])
FEED_LAG = Histogram(
    "feed_write_lag_seconds",
    "From the receipt of a frame to its entries being in Redis",
    ["feed"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0),
)
FEED_NOT_FRESH = Gauge("feed_symbols_not_fresh", "Symbols whose data may not be traded on", ["feed"])
