"""Where the strategies of this folder register themselves."""

from engine.registry import Registry
from engine.strategy.base import Strategy

STRATEGIES: Registry[type[Strategy]] = Registry("strategy")
