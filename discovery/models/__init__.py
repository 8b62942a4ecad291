"""Searches for rules, and what they found."""

from discovery.models.fingerprint import FingerprintRun
from discovery.models.job import Job
from discovery.models.lifecycle import HealthScore, Promotion, RuleChange, RuleCheck
from discovery.models.mining_run import MiningRun
from discovery.models.rule import DiscoveredRule

__all__ = [
    "DiscoveredRule",
    "FingerprintRun",
    "HealthScore",
    "Job",
    "MiningRun",
    "Promotion",
    "RuleChange",
    "RuleCheck",
]
