"""What is run at a command line is counted in the ledger of trials."""

import pytest


@pytest.fixture(autouse=True)
def ledger(db: None) -> None:
    """A database to count in."""
