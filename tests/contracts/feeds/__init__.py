"""Every feed beside its simulated venue: a module here that holds a `FEED` is under contract."""

from importlib import import_module
from pkgutil import iter_modules

from tests.contracts.feeds.base import FeedUnderTest


def feeds_under_test() -> list[FeedUnderTest]:
    """All entries; a broken module stops the suite."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return [module.FEED for module in modules if hasattr(module, "FEED")]
