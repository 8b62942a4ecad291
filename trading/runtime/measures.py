"""What a book's loop did and how late it was, for Prometheus; the calls of its gateway are timed in `brokers`."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from engine.model.event import Event
from engine.model.positions import TradeClosed
from trading.runtime.latency import Latency
from trading.runtime.runner import Stats

EVENTS = Counter("trader_events_total", "Events that the engine was given", ["book"])
COMMITS = Counter("trader_commits_total", "Transactions of the journal", ["book"])
FACTS = Counter("trader_facts_total", "What came of it, by kind, once it was committed", ["book", "kind"])
DECISION = Gauge("trader_decision_seconds", "From receipt by the feed to the engine's answer", ["book", "quantile"])
COMMIT = Gauge("trader_commit_seconds", "From an output to its being in the database", ["book", "quantile"])
ANSWER = Gauge("trader_answer_seconds", "From an order's approval to the broker's first word", ["book", "quantile"])

TRADES = Counter("strategy_trades_total", "Round trips that ended", ["book", "strategy", "end"])
PNL = Gauge("strategy_trades_pnl", "What they made since the process began, net of fees", ["book", "strategy"])

_QUANTILES = (0.5, 0.99)


def count_facts(book: str, outputs: Iterable[Event]) -> None:
    """These were committed."""
    for output in outputs:
        FACTS.labels(book, type(output).__name__).inc()
        if isinstance(output, TradeClosed):
            TRADES.labels(book, output.strategy, "won" if output.pnl > 0 else "lost").inc()
            PNL.labels(book, output.strategy).inc(float(output.pnl))


class Measures:
    """One run's figures, passed on about once a second."""

    def __init__(self, book: str) -> None:
        self._book = book
        self._events = self._commits = 0

    def pass_on(self, stats: Stats) -> None:
        EVENTS.labels(self._book).inc(stats.events - self._events)
        COMMITS.labels(self._book).inc(stats.commits - self._commits)
        self._events, self._commits = stats.events, stats.commits
        self._quantiles(DECISION, stats.decision)
        self._quantiles(COMMIT, stats.commit)
        self._quantiles(ANSWER, stats.answers.latency)

    def _quantiles(self, gauge: Gauge, latency: Latency) -> None:
        for share in _QUANTILES:
            ms = latency.quantile(share)
            if ms is not None:
                gauge.labels(self._book, f"{share:g}").set(ms / 1_000)
