"""The process that hosts a feed's loop."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import uvloop

from infra.processes.priority import may_run_ahead
from marketdata import host


@pytest.mark.skipif(not may_run_ahead(), reason="real-time priority is not permitted here")
@pytest.mark.parametrize(("wanted", "policy"), [(True, os.SCHED_RR), (False, os.SCHED_OTHER)])
def test_a_feed_runs_ahead_of_everything_else_unless_that_is_switched_off(monkeypatch, settings, wanted, policy):
    settings.FEEDS_RUN_AHEAD = wanted

    def looked_at(loop):
        loop.close()
        return os.sched_getscheduler(0)

    monkeypatch.setattr(uvloop, "run", looked_at)
    with ThreadPoolExecutor(1) as threads:  # a priority is a thread's own
        assert threads.submit(host.run_feed, "dxlink", should_stop=lambda: True).result() == policy
