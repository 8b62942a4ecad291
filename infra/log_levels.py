"""Levels of logging that take effect in running processes: kept in Redis, applied to this process's loggers."""

import logging
import re
import time
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec

from engine.errors import InvalidInput, NotFound
from infra.logging import LEVELS, logging_config
from infra.redis import keys
from infra.redis.client import SyncRedis

logger = logging.getLogger(__name__)

EVERYTHING = "root"
_NAME = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
_OURS = ("trades", "notices")  # loggers that are named after no package


class Chosen(msgspec.Struct, frozen=True):
    """A level that somebody chose, until when (unix seconds; nothing: until it is taken back)."""

    level: str
    until: float | None = None


def chosen(client: SyncRedis) -> dict[str, Chosen]:
    """What is chosen at this moment, by logger; `root` stands for everything."""
    texts = client.hgetall(keys.log_levels())
    found = {str(name): msgspec.json.decode(text, type=Chosen) for name, text in texts.items()}
    return {name: each for name, each in sorted(found.items()) if each.until is None or each.until > time.time()}


def choose(client: SyncRedis, name: str, level: str, *, for_s: float | None = None) -> Chosen:
    """From now on (in every process within seconds) `name` logs from `level` on."""
    if level.upper() not in LEVELS:
        raise InvalidInput(f"level: expected one of {', '.join(LEVELS)}; found {level!r}", field="level")
    if for_s is not None and for_s <= 0:
        raise InvalidInput(f"minutes: expected more than 0, found {for_s / 60:g}", field="minutes")
    _check(name)
    new = Chosen(level.upper(), None if for_s is None else time.time() + for_s)
    client.hset(keys.log_levels(), name, msgspec.json.encode(new).decode())
    return new


def take_back(client: SyncRedis, name: str | None = None) -> list[str]:
    """The setting rules again, for one logger or for all; the names that had been chosen."""
    known = [name] if name else sorted(map(str, client.hkeys(keys.log_levels())))
    gone = [each for each in known if client.hdel(keys.log_levels(), each)]
    if name and not gone:
        raise NotFound(f"No level was chosen for {name!r}; the setting rules it.")
    return gone


class Levels:
    """This process's loggers: `apply` makes them what is chosen, and what is no longer chosen as it was."""

    def __init__(self, default: str) -> None:
        self._default = default
        self._applied: dict[str, Chosen] = {}
        self._before: dict[str, int] = {}

    def apply(self, now: Mapping[str, Chosen]) -> bool:
        """Whether anything changed."""
        if now == self._applied:
            return False
        wanted = self._wanted({name: each.level for name, each in now.items()})
        for name in wanted:
            self._before.setdefault(name, logging.getLogger(name).level)
        for name, before in self._before.items():
            logging.getLogger(name).setLevel(wanted.get(name, before))
        self._applied = dict(now)
        told = ", ".join(f"{name} {each.level}" for name, each in now.items())
        logger.warning("levels of logging: %s", told or f"as the setting says ({self._default})")
        return True

    def _wanted(self, levels: dict[str, str]) -> dict[str, str]:
        """By logger. Everything at a level is what the setting of that level would mean."""
        if EVERYTHING not in levels:
            return levels
        config = logging_config(levels[EVERYTHING])
        named = {name: each["level"] for name, each in config["loggers"].items()}
        return {**named, EVERYTHING: config["root"]["level"], **{k: v for k, v in levels.items() if k != EVERYTHING}}


def _check(name: str) -> None:
    """A misspelled name would change nothing without a word."""
    package = name.split(".")[0]
    if name == EVERYTHING or package in _OURS or (_NAME.match(name) and find_spec(package) is not None):
        return
    expected = f"{EVERYTHING} for everything, {', '.join(_OURS)}, or a module such as trading.runtime"
    raise InvalidInput(f"name: expected {expected}; found {name!r}", field="name")
