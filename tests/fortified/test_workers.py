"""A real worker on a real Redis: long loops hold their own slot, and nothing waits behind them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from celery import Celery

from fortified.settings.celery import CELERY_BROKER_TRANSPORT_OPTIONS, CELERY_TASK_ROUTES

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 100  # a busy machine starts a worker in a minute

# Tasks of the test's own, added to the real application: one that does not end by itself, one that marks its start.
TASKS = """
import os, time
import django; django.setup()
from celery_app import app
import redis
app.loader.import_default_modules()  # the product's task of that name first: Celery keeps whichever it meets first
app.finalize()
app.tasks.pop("marketdata.tasks.run_feed")
r = redis.Redis.from_url(os.environ["REDIS_URL"])

@app.task(name="marketdata.tasks.run_feed")
def run_feed(name):
    r.rpush("started", f"feed:{name}:{os.getpid()}")
    while not r.exists("end"):
        time.sleep(0.05)
"""


@pytest.fixture
def workers(redis_server, tmp_path):
    """Starts workers of the queue `feeds`, one process each; all are killed at the end."""
    (tmp_path / "long_tasks.py").write_text(TASKS)
    env = {
        **os.environ, "REDIS_URL": redis_server, "ENVIRONMENT": "development", "FORTIFIED_ENV_FILE": "none",
        "DJANGO_SETTINGS_MODULE": "fortified.settings", "FORTIFIED_VAR_DIR": str(tmp_path),
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [
            sys.executable, "-m", "celery", "-A", "long_tasks", "worker", "-Q", "feeds", "--concurrency", "1",
            "--without-gossip", "--without-mingle", "-n", f"w{len(running)}@test",
        ]  # fmt: skip
        running.append(
            subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        )
        return running[-1]

    with redis.Redis.from_url(redis_server, decode_responses=True) as client:
        client.flushall()
        yield start, client, redis_server
        client.set("end", 1)
    for process in running:
        process.kill()
        process.wait()


def send(url: str, name: str) -> None:
    app = Celery(broker=url, set_as_current=False)
    app.conf.update(broker_transport_options=CELERY_BROKER_TRANSPORT_OPTIONS, task_routes=CELERY_TASK_ROUTES)
    app.send_task("marketdata.tasks.run_feed", args=[name])
    app.close()


def wait(what, message: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline, message
        time.sleep(0.05)


def started(client) -> list[str]:
    return [entry.split(":")[1] for entry in client.lrange("started", 0, -1)]


@pytest.mark.slow
def test_a_task_never_waits_behind_a_loop_and_is_not_handed_out_twice(workers):
    start, client, url = workers
    start()
    send(url, "a")
    wait(lambda: started(client) == ["a"], "the first loop did not start")
    send(url, "b")  # the only worker is busy: b must stay in the queue, for any other worker
    time.sleep(0.5)  # the chance to take it wrongly
    assert started(client) == ["a"]
    start()
    wait(lambda: started(client) == ["a", "b"], "the second worker did not take what the first could not")
    client.set("end", 1)
    assert client.hlen("celery:unacked") == 0  # acknowledged when they began: nothing is left to be redelivered
