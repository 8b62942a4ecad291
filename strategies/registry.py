"""The strategies there are, by their keys."""

from collections.abc import Mapping
from typing import Any

import strategies.library
from engine.registry import Registry, discover
from engine.strategy import params as engine_params
from engine.strategy.base import Strategy
from strategies.library.registration import STRATEGIES


def parse_params(strategy: str, raw: Mapping[str, Any]) -> Any:
    """The checked parameters of the strategy with that key; `InvalidInput` names the field that is wrong."""
    return engine_params.parse_params(STRATEGIES[strategy], raw)


discover(strategies.library)

__all__ = ["STRATEGIES", "Registry", "Strategy", "parse_params"]
