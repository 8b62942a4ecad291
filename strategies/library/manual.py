"""What a person trades by hand: the slot that holds it, with no wish of its own."""

from engine.strategy.base import Strategy
from strategies.library.registration import STRATEGIES


@STRATEGIES.register("manual")
class Manual(Strategy):
    """Orders that people give on the page or over the API; it decides nothing itself.

    Its positions are kept, guarded, reconciled and closed like those of any strategy. Its quantities are what the order
    form offers first, and what a manual trigger (long, short, flat) trades; its exits guard a position where the order
    brought none.
    """
