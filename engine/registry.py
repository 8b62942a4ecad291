"""A closed, documented registry: names to things that plug into the engine."""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Generic, TypeVar

from engine.errors import FortifiedError, NotFound

T = TypeVar("T")


class DuplicateName(FortifiedError):
    """Two things were registered under one name."""

    code = "duplicate_name"


class Registry(Generic[T]):
    """Names to registered things.

    Registering a name twice is an error; looking up a wrong one says what may have been meant.
    Aliases resolve to their canonical name and are not listed.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        self._aliases: dict[str, str] = {}

    def register(self, name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Decorator: register what it decorates under `name` and `aliases`."""

        def add(item: T) -> T:
            self.add(name, item, aliases=aliases)
            return item

        return add

    def add(self, name: str, item: T, *, aliases: tuple[str, ...] = ()) -> None:
        for key in (name, *aliases):
            if key in self._items or key in self._aliases:
                raise DuplicateName(f"{self.kind} {key!r} is registered already")
        self._items[name] = item
        self._aliases.update(dict.fromkeys(aliases, name))

    def canonical(self, name: str) -> str:
        """The registered name behind `name` or one of its aliases; `NotFound` with a suggestion otherwise."""
        found = self._aliases.get(name, name)
        if found in self._items:
            return found
        close = difflib.get_close_matches(name, [*self._items, *self._aliases], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(self) or 'none'}."
        raise NotFound(f"There is no {self.kind} named {name!r}.{hint}", field=self.kind)

    def __getitem__(self, name: str) -> T:
        return self._items[self.canonical(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._items or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._items))

    def __len__(self) -> int:
        return len(self._items)

    @contextmanager
    def register_temporarily(self, name: str, item: T) -> Iterator[None]:
        """For tests: `item` is registered inside the `with` block only."""
        self.add(name, item)
        try:
            yield
        finally:
            del self._items[name]

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """What was registered inside the `with` block is taken back when it ends with an error."""
        items, aliases = dict(self._items), dict(self._aliases)
        try:
            yield
        except BaseException:
            self._items, self._aliases = items, aliases
            raise


def discover(package: ModuleType) -> None:
    """Import every module below `package`, so that what they register is there; a broken one stops the process."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
