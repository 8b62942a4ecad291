"""Searches for rules, and what they found."""

from discovery.models.fingerprint import FingerprintRun
from discovery.models.job import Job
from discovery.models.mining_run import MiningRun
from discovery.models.rule import DiscoveredRule

__all__ = ["DiscoveredRule", "FingerprintRun", "Job", "MiningRun"]
