"""The venues by name, with what each can do: the capability table."""

from brokers.alpaca.features import FEATURES as ALPACA
from brokers.features import Features
from brokers.ibkr.features import FEATURES as IBKR
from brokers.paper.features import FEATURES as PAPER
from brokers.schwab.features import FEATURES as SCHWAB
from brokers.tastytrade.features import FEATURES as TASTYTRADE
from engine.registry import Registry

FEATURES: Registry[Features] = Registry("broker")
FEATURES.add("paper", PAPER)
FEATURES.add("schwab", SCHWAB)
FEATURES.add("tastytrade", TASTYTRADE, aliases=("tasty", "tastyworks"))
FEATURES.add("alpaca", ALPACA)
FEATURES.add("ibkr", IBKR, aliases=("ib", "interactive_brokers"))
