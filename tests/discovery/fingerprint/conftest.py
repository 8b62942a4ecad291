"""One fingerprint of a made market, for all tests that look at it."""

import pytest

from discovery.fingerprint.profile import fingerprint
from strategies.registry import STRATEGIES
from tests.discovery.fingerprint.markets import FADER, FOLLOWER, RISING, alternating, asked


@pytest.fixture(scope="session")
def market():
    """Bars, and which of them belong to trends."""
    return alternating(40, seed=3)


@pytest.fixture(scope="session")
def printed(market):
    """A follower of trends that enters and leaves by the crossing of averages, one that fades, and a rule that enters
    in rising trends only."""
    return fingerprint(market[0], asked(FOLLOWER, FADER, RISING), registry=STRATEGIES)
