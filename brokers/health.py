"""Response times of brokers for the health page, from the figures that running traders leave in Redis."""

import re

import redis
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from brokers.timed import NAME
from infra.redis import keys
from infra.web.health import Health, register_health


def broker_health() -> Health:
    """p50 and p95 of each call of each broker, in milliseconds, as upper bounds, over all traders that run now."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, decode_responses=True) as client:
            texts = [str(client.get(key) or "") for key in client.scan_iter(match=keys.metrics("*"), count=1000)]
    except redis.RedisError:
        return Health("unknown", "Redis does not answer.")
    calls = response_times(texts)
    if not calls:
        return Health("ok", "No broker was called lately.", {"calls": {}})
    return Health("ok", f"{len(calls)} kinds of calls measured", {"calls": calls})


def response_times(texts: list[str]) -> dict[str, dict[str, float | int]]:
    """ "tastytrade place" → {count, p50_ms, p95_ms} of Prometheus expositions added up."""
    counts: dict[str, dict[float, float]] = {}
    for text in texts:
        if NAME not in text:
            continue
        wanted = "\n".join(re.findall(rf"(?m)^(?:# .* )?{NAME}.*$", text)) + "\n"
        for family in text_string_to_metric_families(wanted):
            for sample in family.samples:
                if sample.name == f"{NAME}_bucket":
                    buckets = counts.setdefault(f"{sample.labels['broker']} {sample.labels['call']}", {})
                    bound = float(sample.labels["le"])
                    buckets[bound] = buckets.get(bound, 0.0) + sample.value
    return {
        name: {
            "count": int(buckets[max(buckets)]),
            "p50_ms": _quantile(buckets, 0.5),
            "p95_ms": _quantile(buckets, 0.95),
        }
        for name, buckets in sorted(counts.items())
    }


def _quantile(buckets: dict[float, float], share: float) -> float:
    """The bound that `share` of the calls did not exceed; buckets are cumulative."""
    total = buckets[max(buckets)]
    bound = next(bound for bound in sorted(buckets) if buckets[bound] >= share * total)
    return 10_000.0 if bound == float("inf") else bound * 1_000


def register() -> None:
    """Once, when the app is ready."""
    register_health("brokers", broker_health)
