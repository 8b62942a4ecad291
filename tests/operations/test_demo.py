"""`./run demo` from outside: a newcomer logs in and watches a paper trade open and close."""

import json
import os
import signal
import time
import urllib.request
from typing import Any

import pytest
import redis

from infra.redis import keys
from tests.stack import Stack

pytestmark = pytest.mark.slow
BOOK = "paper"


def call(stack: Stack, path: str, *, token: str = "", body: dict[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(f"{stack.url}{path}", data, headers), timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def token(demo_stack):
    login = {"email": demo_stack.email, "password": demo_stack.password}
    return call(demo_stack, "/api/login", body=login)["access"]


def test_the_banner_gives_what_a_newcomer_needs_to_log_in(demo_stack, token):
    assert f"E-mail    {demo_stack.email}" in demo_stack.log
    assert f"Password  {demo_stack.password}" in demo_stack.log
    assert token


def test_a_paper_trade_opens_and_closes_within_three_minutes(demo_stack, token):
    def closed() -> list[dict[str, Any]]:
        trades: list[dict[str, Any]] = call(demo_stack, "/api/trades?strategy=ema&trade_type=paper", token=token)[
            "results"
        ]
        return trades

    demo_stack.until(lambda: bool(closed()), within_s=180, what="closed trade")
    trade = closed()[0]
    assert trade["entry_at"] < trade["exit_at"]
    assert trade["entry_reason"]
    assert trade["exit_reason"]


def test_another_process_trades_within_ten_seconds_when_the_traders_are_killed(demo_stack):
    client = redis.Redis.from_url(demo_stack.redis_url, decode_responses=True)

    def fencing_token() -> int:
        held = client.get(keys.lease("trader", BOOK))
        return int(json.loads(str(held))["token"]) if held else 0

    demo_stack.until(lambda: fencing_token() > 0, within_s=30, what="trader")
    before = fencing_token()
    os.kill(demo_stack.pids["traders"], signal.SIGKILL)
    killed_at = time.monotonic()
    demo_stack.until(lambda: fencing_token() > before, within_s=30, what="takeover")
    assert time.monotonic() - killed_at < 10
    client.close()
