"""A desk at the venue under test."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.venues.base import Desk, VenueUnderTest, at_desk


@pytest.fixture
async def desk(entry: VenueUnderTest) -> AsyncIterator[Desk]:
    async with at_desk(entry) as found:
        yield found
