"""Promotion and demotion: one slot with the rule's own exits, refused in words, and out of the market in one piece."""

import threading
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from brokers import services as brokers
from brokers.models import BrokerAccount
from discovery.lifecycle import services, tracking
from discovery.lifecycle.services import demote, promote, reject
from discovery.lifecycle.states import StepRefused
from discovery.lifecycle.steps import take_step
from discovery.models import DiscoveredRule, Promotion, RuleChange, RuleCheck
from engine.errors import Conflict, FortifiedError, InvalidInput
from engine.model.event import Event
from engine.model.orders import OrderFilled
from engine.rules.rule import parse_rules
from infra import codec
from infra.redis import keys
from infra.redis.client import sync_client
from strategies import certificates
from strategies.models import Ticker
from strategies.services import create_ticker
from tests.trading.people import person
from tests.trading.runtime.test_compose import save
from tests.trading.test_live_mode import certified
from trading import services as trading
from trading.journal.writer import DatabaseJournal
from trading.live_mode import LiveModeLocked, live_book
from trading.models import Book, CommandRecord, Position, Run, Trade
from trading.runtime import compose
from users.roles import Role

pytestmark = pytest.mark.django_db


def hold(slot: str, quantity: str = "1") -> None:
    Position.objects.create(
        book=trading.paper_book(), strategy=slot, symbol="SPY", broker="paper", quantity=Decimal(quantity),
        average_price=Decimal(500), updated_at=timezone.now(),
    )  # fmt: skip


def test_a_promoted_rule_is_a_slot_with_its_own_rule_and_exits(ready, trader):
    found = promote(ready, user=trader, tag="fast")
    assert (found.state, found.tag) == ("live", "fast")
    run = Run.objects.get()
    assert (run.strategy, run.book.name, run.book.mode, run.state) == (f"rules.{found.pk}", "paper", "paper", "running")
    [slot] = compose.load("paper").slots
    assert (slot.symbol, slot.timeframe, slot.trade_enabled) == ("SPY", "5", True)
    assert slot.quantities == {"paper": Decimal(1)}
    assert parse_rules(slot.params["rules"]) == parse_rules([ready.conditions])
    assert slot.params["movers"] == "fast"
    assert slot.exits is not None
    assert slot.exits.stop is not None
    assert slot.exits.stop.value == ready.exits["stop"]["value"]
    assert slot.exits.max_hold_s == ready.exits["max_hold_s"]
    promotion = Promotion.objects.get()
    assert (promotion.run, promotion.slot, promotion.by, promotion.ended_at) == (run, run.strategy, trader, None)
    assert promotion.exits["stop"] == ready.exits["stop"]
    assert len(promotion.expected["pnl"]) > 30
    assert promotion.p_corrected is not None
    assert promotion.p_corrected <= 0.05
    assert [change.after for change in found.changes.order_by("version")] == ["validated", "campaign", "live"]


def test_two_rules_trade_one_symbol_each_with_its_own_exits(live, second):
    slots = {slot.strategy: slot for slot in compose.load("paper").slots}
    assert set(slots) == {f"rules.{live.pk}", f"rules.{second.pk}"}
    for rule in (live, second):
        assert parse_rules(slots[f"rules.{rule.pk}"].params["rules"])[0].text == rule.text
        exits = slots[f"rules.{rule.pk}"].exits
        assert exits is not None
        assert exits.stop is not None
        assert exits.stop.value == rule.exits["stop"]["value"]


def test_a_second_click_changes_nothing(live, trader):
    again = promote(live, user=trader, tag="any")
    assert again.version == live.version
    assert (Run.objects.count(), Promotion.objects.count(), Ticker.objects.count()) == (1, 1, 1)


def test_one_that_trades_is_not_promoted_to_another_book(live, trader):
    with pytest.raises(StepRefused, match="trades in book paper already; demote it there first"):
        promote(live, user=trader, tag="any", book=live_book())
    assert Run.objects.count() == 1


def test_what_somebody_started_by_hand_under_its_name_is_not_taken_for_it(ready, trader):
    slot = f"rules.{ready.pk}"
    create_ticker(user=trader, strategy=slot, symbol="SPY", timeframe="1", quantities={"paper": "9"})
    trading.start_strategy(user=trader, strategy=slot)
    with pytest.raises(Conflict, match="was started by hand in book paper"):
        promote(ready, user=trader, tag="any")
    assert Ticker.objects.get().quantities == {"paper": "9"}


@pytest.mark.parametrize("where", ["save_ticker", "trading.start_strategy", "take_step"])
def test_a_crash_in_the_middle_leaves_nothing_and_the_next_try_makes_one_slot(ready, trader, monkeypatch, where):
    def die(*args, **kwargs):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(f"discovery.lifecycle.services.{where}", die)
        with pytest.raises(SystemExit):
            promote(ready, user=trader, tag="any")
    ready.refresh_from_db()
    assert (ready.state, Run.objects.count(), Promotion.objects.count(), Ticker.objects.count()) == (
        "campaign",
        0,
        0,
        0,
    )
    promote(ready, user=trader, tag="any")
    assert (Run.objects.count(), Promotion.objects.count(), Ticker.objects.count()) == (1, 1, 1)


def test_what_was_not_validated_is_refused_in_words(rule, trader, redis_url):
    with pytest.raises(StepRefused, match="is discovered cannot become live; it can become validated, rejected"):
        promote(rule, user=trader, tag="any")
    assert not Run.objects.exists()


def test_a_state_that_was_written_past_the_service_gets_nobody_into_the_market(rule, trader, redis_url):
    DiscoveredRule.objects.filter(pk=rule.pk).update(state="campaign")
    with pytest.raises(StepRefused, match="no walk-forward over days that its search did not see has confirmed it"):
        promote(rule, user=trader, tag="any")
    assert not Run.objects.exists()


def test_refusals_name_what_is_wrong(ready, trader):
    viewer = person(Role.VIEWER)
    with pytest.raises(Conflict, match=r"permission discovery\.promote_rule is needed"):
        promote(ready, user=viewer, tag="any")
    with pytest.raises(InvalidInput, match="tag: one of any, fast, slow, both was expected, found 'quick'"):
        promote(ready, user=trader, tag="quick")
    with pytest.raises(Conflict, match="in the book paper or live, found other"):
        promote(ready, user=trader, tag="any", book=Book.objects.create(name="other"))
    with pytest.raises(InvalidInput, match=r"quantities\.nowhere"):
        promote(ready, user=trader, tag="any", quantities={"nowhere": "1"})
    hold(f"rules.{ready.pk}")
    with pytest.raises(Conflict, match="still holds 1 SPY in book paper from before"):
        promote(ready, user=trader, tag="any")
    assert (Run.objects.count(), RuleChange.objects.filter(after="live").count()) == (0, 0)


def test_real_money_needs_its_own_locks(ready, trader):
    book = live_book()
    with pytest.raises(LiveModeLocked, match="has none: no account is armed for it"):
        promote(ready, user=trader, tag="any", book=book)
    account = BrokerAccount.objects.create(
        broker="tastytrade", name="tasty-1", mode="live", account_number="5WX01", enabled=True
    )
    real = {"tasty-1": "1"}
    with pytest.raises(LiveModeLocked, match="'tasty-1' \\(SPY\\) is not armed"):
        promote(ready, user=trader, tag="any", book=book, quantities=real)
    brokers.arm(user=person(Role.ADMIN), account=account)
    with pytest.raises(LiveModeLocked, match="rules has no certificate"):
        promote(ready, user=trader, tag="any", book=book, quantities=real)
    assert not Run.objects.exists()
    certificates.store(certified("rules"))
    promote(ready, user=trader, tag="any", book=book, quantities=real)
    run = Run.objects.get()
    assert (run.book.mode, run.slots[0]["quantities"]) == ("live", {"tasty-1": "1"})


def test_a_demoted_rule_enters_nothing_any_more(live, trader, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        found = demote(live, user=trader, why="I do not like it")
    assert found.state == "demoted"
    promotion, run = Promotion.objects.get(), Run.objects.get()
    assert (promotion.ended_at is not None, promotion.position, run.state) == (True, "exits", "stopped")
    assert not Ticker.objects.get().trade_enabled
    [record] = CommandRecord.objects.all()
    assert (record.kind, record.payload["strategy"], record.payload.get("flatten")) == (
        "StopSlot",
        promotion.slot,
        None,
    )
    change = found.changes.get(after="demoted")
    assert (change.before, change.after, change.by, change.why) == ("live", "demoted", trader, "I do not like it")


def test_demoting_twice_is_once(live, trader):
    demote(live, user=trader, why="once")
    again = demote(live, user=trader, why="twice", position="flatten")
    assert again.changes.get(after="demoted").why == "once"
    assert CommandRecord.objects.count() == 1


@pytest.mark.parametrize("where", ["take_step", "update_ticker", "trading.stop_strategy"])
def test_a_demotion_that_is_killed_between_its_steps_can_be_repeated(live, trader, monkeypatch, where):
    def die(*args, **kwargs):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(f"discovery.lifecycle.services.{where}", die)
        with pytest.raises(SystemExit):
            demote(live, user=trader, why="now")
    live.refresh_from_db()
    assert (live.state, Run.objects.get().state, CommandRecord.objects.count()) == ("live", "running", 0)
    demote(live, user=trader, why="now")
    live.refresh_from_db()
    assert (live.state, Run.objects.get().state, CommandRecord.objects.count()) == ("demoted", "stopped", 1)


def test_what_its_process_was_never_told_is_told_again_until_it_answers(live, trader, redis_url):
    demote(live, user=trader, why="killed before it was sent")  # what follows the commit does not run here
    stream = keys.commands("paper")
    assert sync_client(redis_url).xlen(stream) == 0
    assert tracking.tend() == 1
    entries: Any = sync_client(redis_url).xrange(stream)
    [(_, fields)] = entries
    record = CommandRecord.objects.get()
    command: Any = codec.decode(fields["e"])
    assert command.command_id == record.command_id
    CommandRecord.objects.filter(pk=record.pk).update(state="accepted")
    assert tracking.tend() == 0


def test_a_slot_that_somebody_stopped_by_hand_is_still_flattened(live, trader):
    trading.stop_strategy(user=trader, strategy=f"rules.{live.pk}")
    hold(f"rules.{live.pk}")
    demote(live, user=trader, why="out", position="flatten")
    assert [record.kind for record in CommandRecord.objects.order_by("pk")] == ["StopSlot", "Flatten"]


def test_after_a_demotion_only_a_new_validation_leads_back(live, trader, worked):
    found = demote(live, user=trader, why="enough")
    with pytest.raises(StepRefused, match="cannot become live"):
        promote(found, user=trader, tag="any")
    with pytest.raises(StepRefused, match="no walk-forward"):
        take_step(found, "validated", by=trader, why="the old one was good")
    again = worked(services.ask_validation, user=trader, rule=found)
    assert again.error.startswith("days: at least 20 that neither its search nor an earlier validation used were")
    # As if it had been validated before most of these days came.
    first = found.checks.get(kind="validation", is_good=True)
    RuleCheck.objects.filter(pk=first.pk).update(result={**first.result, "end": "2024-05-24"})
    check = worked(services.ask_validation, user=trader, rule=found)
    assert (check.is_good, check.result["competing"]) == (
        True,
        DiscoveredRule.objects.filter(run=found.run).count() + 1,
    )
    assert check.result["start"] > "2024-05-24"
    found.refresh_from_db()
    assert found.state == "validated"
    with pytest.raises(StepRefused, match="no campaign"):
        take_step(found, "campaign", by=trader, why="the old one was good")
    some = {"start": date(2024, 6, 3), "end": date(2024, 6, 28)}
    assert worked(services.ask_campaign, user=trader, rule=found, **some).is_good
    promote(found, user=trader, tag="any")
    assert Promotion.objects.filter(ended_at=None).count() == 1
    assert Ticker.objects.get().trade_enabled


def test_a_person_rejects_with_a_reason(rule, trader):
    with pytest.raises(InvalidInput, match="why: a reason was expected"):
        reject(rule, user=trader, why="  ")
    with pytest.raises(Conflict, match="permission"):
        reject(rule, user=person(Role.VIEWER), why="no")
    assert reject(rule, user=trader, why="it trades the open").state == "rejected"


def test_demotion_says_what_becomes_of_the_position(live, trader):
    with pytest.raises(InvalidInput, match="position: one of exits, flatten was expected, found 'keep'"):
        demote(live, user=trader, why="x", position="keep")


@pytest.mark.django_db(transaction=True)
def test_two_who_promote_at_the_same_moment_make_one_slot(ready, trader):
    barrier, said = threading.Barrier(2), []

    def go() -> None:
        try:
            barrier.wait(timeout=30)
            said.append(promote(ready, user=trader, tag="any").state)
        except FortifiedError as error:
            said.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert "live" in said
    assert (Run.objects.count(), Promotion.objects.count(), RuleChange.objects.filter(after="live").count()) == (
        1,
        1,
        1,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["flatten", "exits"])
def test_on_paper_a_promoted_rule_trades_and_a_demoted_one_goes_home(live, trader, search, way):
    """Through the engine and the simulated venue of the book, and its journal."""
    desk = compose.make_desk(compose.load("paper"))
    journal = DatabaseJournal(book_id=Book.objects.get().pk, token=1)
    bars = iter(search[1].columns.bars(source="test"))
    told: list[Event] = []

    def handle(event: Event) -> list[Event]:
        outputs = list(desk.handle(event))
        told.extend(outputs)
        return outputs

    def fills(outputs: list[Event]) -> list[OrderFilled]:
        return [each for each in outputs if isinstance(each, OrderFilled)]

    entry = next(found for bar in bars if (found := fills(handle(bar))))
    async_to_sync(save)(journal, tuple(told), desk.save())
    held = Position.objects.get()
    assert (held.strategy, held.quantity, held.symbol) == (f"rules.{live.pk}", Decimal(1), "SPY")
    assert held.stop_price is not None  # of the rule's own exits

    demote(live, user=trader, why="out", position=way)
    told.clear()
    command = codec.decode(msgspec.json.encode(CommandRecord.objects.get().payload))
    at_once = fills(handle(msgspec.structs.replace(command, ts=entry[0].ts)))  # given while that market traded
    waited = 0 if at_once else next(n for n, bar in enumerate(bars, start=1) if fills(handle(bar)))
    later = [each for bar in bars for each in handle(bar)]
    async_to_sync(save)(DatabaseJournal(book_id=held.book_id, token=1), tuple(told), desk.save())
    held.refresh_from_db()
    trade = Trade.objects.get()
    assert (held.quantity, trade.strategy, trade.entry_price) == (Decimal(0), held.strategy, entry[0].price)
    if way == "flatten":
        assert waited <= 1
    else:
        assert waited > 1
        assert trade.exit_reason in ("stop", "max_hold", "before_close", "target_1")
    assert not fills(later)
