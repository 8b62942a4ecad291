"""One fingerprint of a made market, for all tests that look at it; and fingerprints as jobs on record."""

from typing import Any

import msgspec
import pytest

from discovery import fingerprint_services as services
from discovery.fingerprint.profile import fingerprint
from discovery.models import FingerprintRun
from strategies.registry import STRATEGIES
from tests.discovery.conftest import written
from tests.discovery.fingerprint.markets import FADER, FOLLOWER, RISING, alternating, asked

STRATEGY = msgspec.to_builtins(RISING)


@pytest.fixture(scope="session")
def market():
    """Bars, and which of them belong to trends."""
    return alternating(40, seed=3)


@pytest.fixture(scope="session")
def printed(market):
    """A follower of trends that enters and leaves by the crossing of averages, one that fades, and a rule that enters
    in rising trends only."""
    return fingerprint(market[0], asked(FOLLOWER, FADER, RISING), registry=STRATEGIES)


@pytest.fixture(scope="session")
def bars_file(market, tmp_path_factory):
    """The made market as a file."""
    return written(market[0], tmp_path_factory)


@pytest.fixture
def begun(sent, bars_file, django_capture_on_commit_callbacks):
    """Start a fingerprint as a request does, and let its message go out."""

    def go(**changes: Any) -> FingerprintRun:
        document = {"symbol": "SPY", "timeframe": "5", "data": str(bars_file), "strategies": [STRATEGY], **changes}
        with django_capture_on_commit_callbacks(execute=True):
            return services.create_fingerprint(user=None, document=document)

    return go


@pytest.fixture
def done(begun, sent):
    """Start one and work on it at once."""

    def go(**changes: Any) -> Any:
        run = begun(**changes)
        sent.play()
        run.refresh_from_db()
        return run

    return go
