"""A sweep of two thousand runs on two Celery workers, one of which is killed in the middle."""

import pytest
from django.conf import settings

from backtest import services
from backtest.distributed.data import bars_of
from backtest.distributed.runs import run_part
from backtest.distributed.spec import parse_spec
from backtest.models import Shard, Study
from tests.backtest.distributed.data import sweep_document, walk_file
from tests.integration.processes import kill_tree, running, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

GRID = {"ema": {"period_1": list(range(2, 42)), "period_2": list(range(43, 93))}}


def test_a_worker_killed_in_the_middle_of_a_sweep_changes_nothing(redis_url, tmp_path):
    document = sweep_document(walk_file(tmp_path, days=250), grids=GRID, chunk=25)
    with running(redis_url, tmp_path) as processes:
        processes.worker("default", "default,finalize", beat=True)
        doomed = processes.worker("one", "backtests")
        processes.worker("two", "backtests")
        wait_for(lambda: "ready" in processes.log("one") and "ready" in processes.log("two"), what="workers")
        study = services.create_study(user=None, document=document)
        claimed = study.shards.filter(state=Shard.State.RUNNING)
        done = study.shards.filter(state=Shard.State.DONE)
        wait_for(lambda: done.count() >= 4 and claimed.count() == 2, what="both workers are at it")
        assert done.count() < study.shards.count()
        kill_tree(doomed.pid)

        def is_over() -> bool:
            study.refresh_from_db()
            return study.state in services.ENDED

        wait_for(is_over, what="the study ends")
    assert (study.state, study.result["runs"], study.result["failed_shards"]) == (Study.State.DONE, 2_000, [])
    spec = parse_spec(document)
    bars = bars_of(spec, archive=settings.ARCHIVE_DIR)
    alone = run_part(spec, bars, strategy="ema", first=0, count=2_000, offset=0, day=None)
    assert [(run.number, run.params, run.stats, run.digest) for run in study.runs.all()] == [
        (run.number, run.params, run.stats, run.digest) for run in alone
    ]
