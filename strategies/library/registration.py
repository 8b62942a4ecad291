"""Where the strategies of this folder register themselves."""

import re

from engine.errors import NotFound
from engine.registry import Registry
from engine.strategy.base import Strategy

_COPY = re.compile(r"[a-z0-9_]{1,24}")


class StrategyRegistry(Registry[type[Strategy]]):
    """Strategies by their keys. "rules.7" is a copy of `rules`: the same strategy under a name of its own, so that a
    symbol can be traded by several of them, each with its parameters, exits, positions and trades. Copies are not
    listed; what is certified of a strategy holds for its copies, which run the same code."""

    def registered(self, name: str) -> str:
        """The key that is registered behind `name`, which may be a copy or an alias."""
        return super().canonical(self._parts(name)[0])

    def canonical(self, name: str) -> str:
        key, own = self._parts(name)
        return f"{super().canonical(key)}.{own}" if own else super().canonical(key)

    def __getitem__(self, name: str) -> type[Strategy]:
        return self._items[self.registered(name)]

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        key, _, own = name.partition(".")
        return super().__contains__(name) or (super().__contains__(key) and bool(_COPY.fullmatch(own)))

    def _parts(self, name: str) -> tuple[str, str]:
        """The key, and what comes after the dot of a copy."""
        key, dot, own = name.partition(".")
        if not dot or super().__contains__(name):
            return name, ""
        if not _COPY.fullmatch(own):
            raise NotFound(
                f"{name!r} names no copy of {key!r}: up to 24 of a to z, 0 to 9 and _ were expected after the dot",
                field=self.kind,
            )
        return key, own


STRATEGIES = StrategyRegistry("strategy")
