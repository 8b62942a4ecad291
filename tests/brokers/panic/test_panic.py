"""The emergency path: real process, real sockets, and nothing of the platform running."""

import asyncio
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from brokers.panic.__main__ import main
from brokers.panic.config import PanicAccount, read_config
from brokers.panic.run import run_all
from engine.errors import InvalidInput
from engine.model.enums import OrderType, Side
from simulators.brokerage.faults import OrderFaultScript
from simulators.brokerage.orders import Ticket
from tests.contracts.venues import tastytrade
from tests.notifications.servers import WebServer, serving
from tests.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def broker():
    async with tastytrade.start() as running:
        yield running


def account(broker: Any) -> PanicAccount:
    return PanicAccount(
        name="main", broker="tastytrade", account_number=broker.account, client_secret="secret", refresh_token="grant",
        api_url=broker.simulator.rest_url, stream_url=broker.simulator.account_stream_url,
        options={"settle_s": 0.3, "timeout_s": 2.0},
    )  # fmt: skip


def toml(made: PanicAccount) -> str:
    return f"""[[account]]
name = "{made.name}"
broker = "tasty"
account_number = "{made.account_number}"
client_secret = "{made.client_secret}"
refresh_token = "{made.refresh_token}"
api_url = "{made.api_url}"
stream_url = "{made.stream_url}"
options = {{ settle_s = 0.3, timeout_s = 2.0 }}
"""


def trade(broker: Any, symbol: str, side: Side, quantity: int, **values: Any) -> None:
    ticket = Ticket(symbol=symbol, side=side, quantity=Decimal(quantity), payload={}, **values)
    broker.brokerage.place(broker.account, ticket)


def held(broker: Any, *symbols: str) -> list[Decimal]:
    return [broker.brokerage.account(broker.account).quantity(symbol) for symbol in symbols]


async def until(is_met: Any) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not is_met():
            await asyncio.sleep(0.01)


async def busy(broker: Any) -> None:
    """Long and short, with an order that works."""
    trade(broker, "SPY", Side.BUY, 30)
    trade(broker, "QQQ", Side.SELL, 5)
    price = broker.brokerage.price_of("SPY") * Decimal("0.8")
    trade(broker, "SPY", Side.BUY, 10, type=OrderType.LIMIT, limit_price=price.quantize(Decimal(1)))
    await until(lambda: held(broker, "SPY", "QQQ") == [30, -5])


async def panic(config: Path) -> tuple[int | None, list[dict[str, Any]], str]:
    """The command as a person types it, with an environment that knows nothing of us."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "brokers.panic", "--config", str(config), "--yes", "--json", cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await child.communicate()
    assert out, err.decode()
    return child.returncode, json.loads(out)["accounts"], err.decode()


@pytest.fixture
def config(broker: Any, tmp_path: Path) -> Path:
    path = tmp_path / "panic.toml"
    path.write_text(toml(account(broker)))
    path.chmod(0o600)
    return path


async def test_everything_is_cancelled_and_closed_from_outside_the_platform(broker, config):
    await busy(broker)
    status, [outcome], said = await panic(config)
    assert (status, outcome["is_flat"]) == (0, True), said
    assert len(outcome["cancelled"]) == 1
    assert sorted(outcome["closed"]) == ["long 30 SPY", "short 5 QQQ"]
    assert held(broker, "SPY", "QQQ") == [0, 0]
    assert "secret" not in said
    assert "grant" not in said


async def test_a_pair_of_exits_that_ends_with_one_cancel_is_no_problem(broker):
    trade(broker, "SPY", Side.BUY, 30)
    await until(lambda: held(broker, "SPY") == [30])
    price = broker.brokerage.price_of("SPY").quantize(Decimal(1))
    leg = Ticket(symbol="SPY", side=Side.SELL, quantity=Decimal(30))
    stop = msgspec.structs.replace(leg, type=OrderType.STOP, stop_price=price - 50)
    target = msgspec.structs.replace(leg, type=OrderType.LIMIT, limit_price=price + 50)
    broker.brokerage.place_oco(broker.account, [stop, target])
    [outcome] = await run_all([account(broker)], say=lambda text: None, within_s=10.0)
    assert (outcome.is_flat, outcome.problems) == (True, [])
    assert held(broker, "SPY") == [0]
    assert {order.state for order in broker.brokerage.orders(broker.account)} == {"filled", "cancelled"}


async def test_people_are_told_what_came_of_it_and_a_dead_webhook_changes_nothing(broker, config):
    await busy(broker)
    with serving(WebServer()) as web:
        hooks = f'notify = ["http://127.0.0.1:1/t0psecret", "{web.url}"]'
        config.write_text(f"{hooks}\n{config.read_text()}")
        status, _, said = await panic(config)
    assert status == 0
    assert "webhook 1 was not told" in said
    assert "t0psecret" not in said
    [(document, _, _)] = web.received
    assert document["text"].startswith("PANIC: main is flat (closed ")
    assert "long 30 SPY" in document["content"]


def test_it_needs_neither_django_nor_redis_nor_celery():
    code = (
        "import sys; import brokers.panic.__main__, brokers.tastytrade.broker, brokers.ibkr.broker;"
        "print([m for m in sys.modules if m.split('.')[0] in ('django','redis','celery','channels','rest_framework')])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


async def test_twice_does_nothing_twice(broker):
    await busy(broker)
    first, second = [await run_all([account(broker)], say=lambda text: None) for _ in range(2)]
    assert first[0].is_flat
    assert second[0].is_flat
    assert second[0].closed == []
    assert held(broker, "SPY", "QQQ") == [0, 0]


async def test_two_at_the_same_moment_wait_for_each_other(broker, config):
    await busy(broker)
    found = await asyncio.gather(panic(config), panic(config))
    assert [status for status, *_ in found] == [0, 0]
    assert sorted(len(outcome["closed"]) for _, [outcome], _ in found) == [0, 2]
    assert held(broker, "SPY", "QQQ") == [0, 0]


async def test_a_lost_answer_is_looked_up_and_never_sent_again(broker):
    await busy(broker)
    broker.order_faults.add(OrderFaultScript("drop_answer", times=2))
    said: list[str] = []
    [outcome] = await run_all([account(broker)], say=said.append)
    assert outcome.is_flat
    assert held(broker, "SPY", "QQQ") == [0, 0]


async def test_a_broker_that_refuses_our_login_is_unknown_and_not_flat(broker):
    await busy(broker)
    wrong = PanicAccount(
        name="wrong", broker="tastytrade", account_number="NOTHERE", client_secret="secret", refresh_token="grant",
        api_url=broker.simulator.rest_url,
    )  # fmt: skip
    dead = PanicAccount(name="dead", broker="tastytrade", token="x", api_url="http://127.0.0.1:9")
    outcomes = await run_all([wrong, dead, account(broker)], say=lambda text: None, within_s=5.0)
    assert [outcome.is_flat for outcome in outcomes] == [False, False, True]
    assert "NOTHERE" in outcomes[0].problems[0]
    assert outcomes[1].problems


async def test_a_dry_run_changes_nothing_and_says_what_there_is(broker):
    await busy(broker)
    [outcome] = await run_all([account(broker)], say=lambda text: None, is_dry=True)
    assert not outcome.is_flat
    assert sorted(outcome.remaining)[-2:] == ["long 30 SPY", "short 5 QQQ"]
    assert held(broker, "SPY", "QQQ") == [30, -5]


def test_without_a_file_it_says_what_the_file_should_hold(tmp_path, capsys):
    assert main(["--config", str(tmp_path / "none.toml"), "--yes"]) == 2
    said = capsys.readouterr().err
    assert "there is no" in said
    assert "[[account]]" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no account"),
        ("[[account]", "cannot be read"),
        ('[[account]]\nname = "a"\n', "missing required field `broker`"),
        ('[[account]]\nname = "a"\nbroker = "moon"\n', "one of .* was expected, found 'moon'"),
        ('[[account]]\nname = "a"\nbroker = "tastytrade"\n', "refresh_token: it is needed"),
        ('[[account]]\nname = "a"\nbroker = "tastytrade"\nrefresh = "x"\n', "unknown field `refresh`"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(tmp_path, text, message):
    path = tmp_path / "panic.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_config(path)


def test_without_a_person_or_yes_nothing_happens(tmp_path, capsys, monkeypatch):
    path = tmp_path / "panic.toml"
    path.write_text('[[account]]\nname = "a"\nbroker = "tastytrade"\ntoken = "x"\n')
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    assert main(["--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert "add --yes" in said
    assert "chmod 600" in said
