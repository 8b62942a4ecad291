"""Fingerprints on record and at the command line: they end once, give the same, and leave what trades alone."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis
from django.core.management import CommandError, call_command
from django.utils import timezone

from celery_app import app
from discovery import fingerprint_services as services
from discovery import jobs, tasks
from discovery.fingerprint.profile import fingerprint
from discovery.models import FingerprintRun
from discovery.services import create_run
from engine.errors import Conflict, InvalidInput
from infra.processes.services import FEED_QUEUES, SHORT_QUEUES, TRADER_QUEUES
from strategies.registry import STRATEGIES
from tests.discovery.fingerprint.markets import RISING, asked

pytestmark = pytest.mark.django_db

State = FingerprintRun.State


def test_a_run_keeps_the_whole_fingerprint_and_the_same_again_is_the_same(done, market):
    run, again = done(name="rises"), done()
    assert (run.state, run.bars, run.days, run.done, run.total) == (State.DONE, 3_120, 40, 2, 2)
    assert len(run.dataset) == 16
    assert set(run.versions) == {"rules"}
    pure = msgspec.to_builtins(fingerprint(market[0], asked(RISING), registry=STRATEGIES))
    for name in ("moves", "states", "profiles", "overlaps", "gaps", "seeds"):
        assert run.result[name] == again.result[name] == json.loads(json.dumps(pure[name]))


def test_what_it_suggests_is_what_the_miner_takes(done, sent, bars_file):
    seeds = services.seeds_of_run(done().pk)
    assert 0 < len(seeds) == len({json.dumps(seed) for seed in seeds})
    search = {
        "seeds": seeds, "categories": ["temporal"], "depth": 1, "patterns": 0, "least_trades": 5, "keep": 50,
        "grid": {"stop": [4.0], "target": [None], "trail": [None], "hold": [10]},
    }  # fmt: skip
    mining = create_run(user=None, document={"symbol": "SPY", "data": str(bars_file), "search": search})
    tasks.mine_rules(mining.pk)
    mining.refresh_from_db()
    assert mining.state == State.DONE, mining.error
    assert mining.rules.filter(source="fingerprint").exists()
    assert mining.trials >= len(seeds)


def test_there_are_no_seeds_before_it_is_done(begun):
    with pytest.raises(Conflict, match="is queued"):
        services.seeds_of_run(begun().pk)


def test_a_cancelled_one_ends_without_a_result_whether_it_waits_or_runs(begun, sent):
    waiting, running = begun(), begun()
    assert services.cancel_fingerprint(number=waiting.pk).state == State.CANCELLED
    sent.tasks.clear()

    def work(job: Any, held: Any) -> Any:
        assert services.cancel_fingerprint(number=job.pk).state == State.RUNNING
        held.keep()
        return services.profile(job, held)

    assert jobs.work_on(FingerprintRun, running.pk, work) == State.CANCELLED
    for run in (waiting, running):
        run.refresh_from_db()
        assert run.result == {}


def test_one_that_is_removed_while_it_runs_ends_with_its_next_step(begun):
    run = begun()

    def work(job: Any, held: Any) -> Any:
        job.delete()
        held.keep()
        held.step(1, 2)
        raise AssertionError("it went on")

    assert jobs.work_on(FingerprintRun, run.pk, work) == ""


def test_that_of_a_killed_worker_is_begun_anew_and_kept_once(begun, sent):
    run = begun()

    def killed(job: Any, held: Any) -> Any:
        keep = services.profile(job, held)
        FingerprintRun.objects.filter(pk=job.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
        sent.tasks.clear()
        assert tasks.tend_searches() == [job.pk]
        sent.play()
        return keep

    assert jobs.work_on(FingerprintRun, run.pk, killed) == State.DONE
    run.refresh_from_db()
    assert (run.attempts, run.state, bool(run.result)) == (2, State.DONE, True)
    assert tasks.tend_searches() == []


def test_what_cannot_be_read_fails_with_its_reason(begun, sent):
    run = begun(start="2030-01-01")
    sent.play()
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.error


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"symbol": ""}, "symbol", "symbol"),
        ({"timeframe": "soon"}, "timeframe", "soon"),
        ({"data": "nowhere.parquet"}, "data", "nowhere"),
        ({"start": "2024-03-02", "end": "2024-03-01"}, "end", "2024-03-02 or later"),
        ({"strategies": []}, "strategies", "length"),
        ({"strategies": [{"strategy": "emma"}]}, "strategies", "emma"),
        ({"strategies": [{"strategy": "ema", "params": {"fast": 3}}]}, "strategies", "fast is not a parameter"),
        ({"strategies": [{"strategy": "ema"}, {"strategy": "ema"}]}, "strategies", "twice"),
        ({"strategies": [{"strategy": "sma_ticks"}]}, "strategies", "prints"),
        ({"move_atr": 0}, "move_atr", "> 0"),
        ({"caught": 2}, "caught", "<= 1"),
        ({"fixed": {"fees": "dear"}}, "fees", "dear"),
        ({"fixed": {"quantity": "many"}}, "fixed.quantity", "many"),
        ({"fixed": {"quantity": "NaN"}}, "quantity", "above 0"),
        ({"colour": "red"}, None, "colour"),
    ],
)
def test_what_is_wrong_is_refused_by_its_field_and_nothing_is_started(begun, sent, changes, field, said):
    with pytest.raises(InvalidInput, match=said) as refused:
        begun(**changes)
    assert refused.value.field == field
    assert not FingerprintRun.objects.exists()
    assert sent.tasks == []


# ---- apart from trading ------------------------------------------------------------------------------------------


def test_it_runs_on_the_queue_of_searches_where_nothing_of_trading_waits():
    queue = app.amqp.router.route({}, FingerprintRun.TASK)["queue"].name
    assert queue == "discovery"
    assert queue not in (*FEED_QUEUES, *TRADER_QUEUES, *SHORT_QUEUES)


def test_it_touches_no_stream_no_lease_and_no_other_name_in_redis(done, redis_layer, redis_url):
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.xadd("bars_stream:SPY:5", {"bar": "1"})
        client.set("lease:book:main", "7")
        before = {name: client.dump(name) for name in client.keys()}  # noqa: SIM118  # not a dict
        client.config_resetstat()
        assert done().state == State.DONE
        after = {name: client.dump(name) for name in client.keys()}  # noqa: SIM118
        used = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert after == before
    assert not used & {"xadd", "xread", "xreadgroup", "set", "setex", "eval", "evalsha", "publish", "lpush"}


# ---- the command -------------------------------------------------------------------------------------------------

TYPED = ("fingerprint", "analyze", "--symbol", "SPY", "--strategy", "ema", "--strategy", "slow=ema",
         "--param", "slow.period_1=20", "--param", "slow.period_2=50")  # fmt: skip


def test_the_command_tells_the_tables_and_keeps_the_run_for_its_seeds(bars_file, capsys, tmp_path):
    out, seeds = tmp_path / "print.json", tmp_path / "seeds.json"
    call_command(*TYPED, "--data", str(bars_file), "--save", "--out", str(out), "--seeds-out", str(seeds),
                 "--least-moves", "3", "--gap-share", "0.2")  # fmt: skip
    said = capsys.readouterr()
    for words in ("what each strategy catches", "by state", "overlap", "gaps", "seeds for the miner", "hindsight"):
        assert words in said.out
    run = FingerprintRun.objects.get()
    assert f"Kept as fingerprint {run.pk}" in said.err
    assert json.loads(out.read_text())["profiles"] == run.result["profiles"]
    assert [each["name"] for each in run.spec["strategies"]] == ["ema", "slow"]
    call_command("fingerprint", "seeds", str(run.pk))
    assert json.loads(capsys.readouterr().out) == json.loads(seeds.read_text()) == services.seeds_of_run(run.pk) != []
    call_command("fingerprint", "runs", "--json")
    [row] = json.loads(capsys.readouterr().out)
    assert (row["run"], row["state"], row["strategies"]) == (run.pk, "done", "ema, slow")


def test_the_command_gives_one_document_and_keeps_nothing_unless_asked(bars_file, capsys):
    documents = []
    for _ in range(2):
        call_command(*TYPED, "--data", str(bars_file), "--json")
        documents.append(capsys.readouterr().out)
    assert documents[0] == documents[1]
    assert {each["name"] for each in json.loads(documents[0])["profiles"]} == {"ema", "slow"}
    assert not FingerprintRun.objects.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("analyze", "--symbol", "SPY", "--strategy", "emma"), "emma"),
        (("analyze", "--symbol", "SPY", "--strategy", "ema", "--param", "fast=3"), "fast"),
        (("analyze", "--symbol", "SPY", "--strategy", "ema", "--caught", "7"), "caught"),
        (("analyze", "--symbol", "SPY", "--strategy", "ema", "--exits", "{"), "exits"),
        (("seeds", "99"), "no fingerprint run 99"),
        (("cancel", "99"), "no fingerprint run 99"),
    ],
)
def test_the_command_says_what_is_wrong(options, said):
    with pytest.raises(CommandError, match=said):
        call_command("fingerprint", *options)
