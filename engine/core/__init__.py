"""The engine: events in, events out, in one synchronous call."""

from engine.core.config import EngineConfig, ExitPlacement
from engine.core.engine import Engine

__all__ = ["Engine", "EngineConfig", "ExitPlacement"]
