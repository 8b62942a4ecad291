"""The venues under contract: every module here but `base` names one as its `ENTRY`."""

import importlib
import pkgutil

from tests.contracts.venues.base import VenueUnderTest


def venues_under_test() -> list[VenueUnderTest]:
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name != "base")
    return [importlib.import_module(f"{__name__}.{name}").ENTRY for name in names]
