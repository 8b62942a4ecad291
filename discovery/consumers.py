"""The WebSockets of searches: how far each is, at once and as long as it runs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from backtest.consumers import ProgressConsumer
from discovery import jobs
from discovery.models import FingerprintRun, Job, MiningRun


class JobConsumer(ProgressConsumer):
    """Of one kind of search: {"kind", "run", "state", "done", "total", …} as its `progress` says."""

    model: ClassVar[type[Job]]

    def group(self, number: int) -> str:
        return jobs.group_of(self.model, number)

    def now(self, number: int) -> Mapping[str, Any]:
        return jobs.find(self.model, number).progress()


class MiningConsumer(JobConsumer):
    """`/ws/discovery/mining/{run}`: with the rows of its stages so far."""

    kind = "miningrun"
    permission = "discovery.view_miningrun"
    model = MiningRun


class FingerprintConsumer(JobConsumer):
    """`/ws/discovery/fingerprints/{run}`."""

    kind = "fingerprintrun"
    permission = "discovery.view_fingerprintrun"
    model = FingerprintRun
