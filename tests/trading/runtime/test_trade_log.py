"""The trade log can be filtered by book, strategy and symbol."""

import logging

import pytest

from infra.logging import ScrubbingFormatter
from tests.trading.runtime.test_compose import FALLING, RISING, play
from tests.trading.test_book_rules import started
from trading.runtime import host

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_decided_and_done_is_a_line_with_its_book_strategy_and_symbol(redis_url, caplog):
    desk = started("/MES", risk={"max_daily_loss": 50})
    outputs = [*play(desk, RISING, "/MES"), *play(desk, FALLING, "/MES", start=100)]
    with caplog.at_level(logging.INFO, logger="trades"):
        host._show_facts("paper", "paper", outputs)
    form = ScrubbingFormatter("{name}{context}: {message}", style="{")
    lines = [form.format(record) for record in caplog.records if record.name == "trades"]
    ours = [line for line in lines if line.startswith("trades [paper ema /MES]: ")]
    for words in ("signal +1: ", "order paper0-ema-MES-000001: buy 2", "fill paper0-ema-MES-000001: buy 2 @ 105",
                  "order denied by max_daily_loss", "trade closed: long 2"):  # fmt: skip
        assert any(words in line for line in ours), words
