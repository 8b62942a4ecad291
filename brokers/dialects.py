"""Which venues log in by OAuth, and how."""

from brokers.oauth import Dialect
from brokers.schwab.auth import DIALECT as SCHWAB
from brokers.tastytrade.auth import DIALECT as TASTYTRADE
from engine.registry import Registry

DIALECTS: Registry[Dialect] = Registry("broker with a login")
DIALECTS.add("tastytrade", TASTYTRADE, aliases=("tasty",))
DIALECTS.add("schwab", SCHWAB)
