"""Garbage collection in a loop that must not pause."""

import asyncio
import gc
import itertools
import weakref

import pytest

from infra import collecting
from tests.waiting import DEADLINE_S


class Node:
    """Refers to itself, so that only the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


async def gone(reference: weakref.ref[Node]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while reference() is not None:
            await asyncio.sleep(0.005)


@pytest.fixture
def hasty(monkeypatch):
    """Rounds of milliseconds."""
    monkeypatch.setattr(collecting, "YOUNG_EVERY_S", 0.005)
    monkeypatch.setattr(collecting, "OLD_EVERY_S", 0.0)


async def test_young_cycles_are_freed_while_the_collector_itself_is_off(hasty):
    async with collecting.collecting_gently(itertools.count().__next__):
        assert not gc.isenabled()
        reference = weakref.ref(Node())
        await gone(reference)
    assert gc.isenabled()


async def test_what_outlived_its_first_look_is_freed_when_it_is_quiet(hasty):
    busy, quiet = itertools.count(), False
    async with collecting.collecting_gently(lambda: 0 if quiet else next(busy)):
        node = Node()
        reference = weakref.ref(node)
        while any(each is node for each in gc.get_objects(generation=0)):
            await asyncio.sleep(0.005)
        del node
        for _ in range(3):
            gc.collect(0)
        assert reference() is not None
        quiet = True
        await gone(reference)


async def test_at_the_end_the_collector_sees_everything_again(hasty):
    async with collecting.collecting_gently(itertools.count().__next__):
        await asyncio.sleep(0.02)
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
