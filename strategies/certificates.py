"""Certificates that decisions rest on the past alone: one per version of a strategy, asked for by real money."""

from typing import Any

from strategies.models import Certificate
from strategies.registry import STRATEGIES, decides
from strategies.versions import code_version


def store(document: dict[str, Any]) -> Certificate:
    """Keep the outcome of a certification; of the same code and parameters the newest stands."""
    certificate, _ = Certificate.objects.update_or_create(
        strategy=document["strategy"],
        code=document["code"],
        params=document["params"],
        defaults={"is_valid": document["is_valid"], "verdict": document["verdict"], "document": document},
    )
    return certificate


def reason_against(strategy: str) -> str:
    """Why `strategy`, as its code is now, may not trade real money; empty where it may. One that
    decides nothing (persons do) needs no certificate; a copy has that of what it is a copy of."""
    if not decides(strategy):
        return ""
    strategy = STRATEGIES.registered(strategy)
    code = code_version(strategy)
    found = Certificate.objects.filter(strategy=strategy, code=code)
    if found.filter(is_valid=False).exists():
        broken = found.filter(is_valid=False).latest("created_at")
        return f"the certificate of {strategy} ({code}) says {broken.verdict!r}"
    if not found.exists():
        return f"{strategy} has no certificate for its present code ({code}): ./run manage certify {strategy}"
    return ""
