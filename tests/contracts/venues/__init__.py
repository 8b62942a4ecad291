"""The venues under contract: every module here but `base` names one as its `ENTRY`."""

import importlib
import pkgutil

import pytest

from brokers.registry import FEATURES
from engine.instruments.instrument import AssetClass
from tests.contracts.venues.base import VenueUnderTest

_NAMES = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name != "base")
ENTRIES: list[VenueUnderTest] = [importlib.import_module(f"{__name__}.{name}").ENTRY for name in _NAMES]


def promising(*words: str, asset_class: AssetClass = AssetClass.EQUITY, pairs: bool = False) -> pytest.MarkDecorator:
    """The venues that the promise concerns; with `pairs` those that take a stop and a target of the class as one."""
    chosen = [
        entry
        for entry in ENTRIES
        if not entry.lacks & set(words)
        and asset_class in FEATURES[entry.name].asset_classes
        and (asset_class in FEATURES[entry.name].paired_exits or not pairs)
    ]
    return pytest.mark.parametrize("entry", [pytest.param(each, id=each.name, marks=each.marks) for each in chosen])


every_venue = promising()
