"""Promoted rules are followed: health from the ledger's trades, and what is told and done when it is bad."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from discovery.lifecycle import tracking
from discovery.models import HealthScore, Promotion
from notifications.models import Notice
from tests.trading.people import book, order
from trading.models import CommandRecord, Fill, Run, Trade

pytestmark = pytest.mark.django_db


@pytest.fixture
def promotion(live):
    """In the market for 40 days; nothing has traded yet."""
    found = Promotion.objects.get(rule=live)
    Promotion.objects.filter(pk=found.pk).update(began_at=timezone.now() - timedelta(days=40))
    found.refresh_from_db()
    return found


@pytest.fixture
def traded(promotion):
    """Close trades with that P&L, spread over its days; two at a time of 2 units each."""

    def go(pnl, *, slot="", mode="paper"):
        begin, count = promotion.began_at, len(pnl)
        already = Trade.objects.count()
        Trade.objects.bulk_create(
            Trade(
                book=book(mode), trade_id=f"t{already + n}", mode=mode, strategy=slot or promotion.slot, symbol="SPY",
                broker="paper", side="long", quantity=Decimal(2), entry_at=begin + timedelta(days=40) * n / count,
                exit_at=begin + timedelta(days=40) * n / count + timedelta(minutes=5), entry_price=Decimal(500),
                exit_price=Decimal(501), pnl=Decimal(f"{2 * value:.4f}"), fees=Decimal(0),
            )
            for n, value in enumerate(pnl)
        )  # fmt: skip

    return go


def like(promotion, *, shift=0.0):
    """As many trades as are to be expected in the sessions since, spread as those that validated it: on any day that
    this runs they are as good as these."""
    expected = promotion.expected
    count = round(len(expected["pnl"]) / expected["days"] * tracking.sessions_since(promotion))
    pnl = np.quantile(expected["pnl"], (np.arange(count) + 0.5) / count)
    return np.random.default_rng(1).permutation(pnl) + shift


def test_without_trades_its_health_is_unknown(promotion):
    found = tracking.score(promotion)
    assert (found.verdict, found.score, found.trades) == ("unknown", None, 0)
    assert found.document["text"].startswith("0 trades in ")
    promotion.rule.refresh_from_db()
    assert promotion.rule.state == "live"


def test_trades_like_those_that_validated_it_are_healthy(promotion, traded):
    traded(like(promotion))
    found = tracking.score(promotion)
    assert found.verdict == "healthy"
    assert {part["name"] for part in found.document["parts"]} == {"win rate", "mean P&L", "drawdown", "frequency"}


def test_only_its_own_trades_since_it_was_promoted_in_its_book_count(promotion, traded):
    traded(like(promotion, shift=-5.0), slot="rules.999")
    traded(like(promotion, shift=-5.0), mode="live")
    Trade.objects.all().update(entry_at=promotion.began_at + timedelta(days=1))
    traded(like(promotion, shift=-5.0))
    own = Trade.objects.filter(strategy=promotion.slot, book=promotion.book)
    own.update(entry_at=promotion.began_at - timedelta(days=1))
    assert tracking.score(promotion).trades == 0


def test_a_rule_that_loses_is_degraded_and_told_of(promotion, traded):
    traded(like(promotion, shift=-5.0))
    assert tracking.score_all() == {promotion.slot: "ill"}
    promotion.refresh_from_db()
    rule = promotion.rule
    assert (rule.state, promotion.degraded_at is not None, promotion.ended_at) == ("degraded", True, None)
    change = rule.changes.first()
    assert (change.after, change.by, change.by_email) == ("degraded", None, "")
    assert change.why.startswith("weakest: ")
    notice = Notice.objects.get(kind="rule")
    assert (notice.level, notice.about) == ("critical", promotion.slot)
    assert rule.name in notice.text
    assert Run.objects.get().state == "running"  # a person decides
    assert not CommandRecord.objects.exists()


def test_while_it_lasts_it_is_one_notice_and_only_new_trades_are_a_new_score(promotion, traded):
    traded(like(promotion, shift=-5.0))
    tracking.score_all()
    tracking.score_all()
    assert (HealthScore.objects.count(), Notice.objects.get(kind="rule").times) == (1, 2)
    traded([-1.0])
    tracking.score_all()
    assert (HealthScore.objects.count(), Notice.objects.filter(kind="rule").count()) == (2, 1)


def test_only_the_newest_scores_are_kept(promotion, traded, monkeypatch):
    monkeypatch.setattr(tracking, "SCORES_KEPT", 3)
    for _ in range(5):
        traded([1.0])
        tracking.score(promotion)
    assert list(promotion.scores.order_by("pk").values_list("trades", flat=True)) == [3, 4, 5]


def test_who_was_killed_before_it_was_told_tells_it_at_the_next_look(promotion, traded, monkeypatch):
    def die(notice):
        raise SystemExit

    traded(like(promotion, shift=-5.0))
    with monkeypatch.context() as dying:
        dying.setattr(tracking, "tell", die)
        with pytest.raises(SystemExit):
            tracking.score_all()
    promotion.rule.refresh_from_db()
    assert (promotion.rule.state, Notice.objects.count()) == ("degraded", 0)
    tracking.score_all()
    assert Notice.objects.get().kind == "rule"


def test_a_degraded_rule_that_is_well_again_is_live_again(promotion, traded):
    traded(like(promotion, shift=-5.0))
    tracking.score_all()
    Trade.objects.all().delete()
    traded(like(promotion))
    tracking.score_all()
    promotion.refresh_from_db()
    assert promotion.rule.state == "live"
    assert promotion.degraded_at is not None  # that it once was stays on record
    assert Notice.objects.filter(kind="rule").latest("pk").over_at is not None


def test_where_it_is_left_to_the_product_a_bad_rule_is_demoted(
    promotion, traded, settings, django_capture_on_commit_callbacks
):
    settings.RULE_AUTO_DEMOTE, settings.RULE_DEMOTE_POSITION = True, "flatten"
    traded(like(promotion, shift=-5.0))
    with django_capture_on_commit_callbacks(execute=True):
        tracking.score_all()
    worse, out = Notice.objects.filter(kind="rule").order_by("pk")
    assert "was taken out of the market by the product: its health: weakest" in out.text
    assert (worse.over_at is not None, out.over_at is not None) == (True, True)
    promotion.refresh_from_db()
    assert [change.after for change in promotion.rule.changes.all()[:2]] == ["demoted", "degraded"]
    assert (promotion.rule.state, promotion.position) == ("demoted", "flatten")
    assert CommandRecord.objects.get().payload["flatten"] is True
    assert tracking.score_all() == {}  # it is out


def test_a_rule_that_waits_for_movers_is_not_ill_for_trading_less(promotion, traded):
    traded(like(promotion)[:20])
    assert "frequency" in {part.name for part in tracking.health_now(promotion).parts}
    promotion.tag = "fast"
    assert "frequency" not in {part.name for part in tracking.health_now(promotion).parts}


def test_fills_that_cost_more_than_can_be_borne_show(promotion, traded):
    traded(like(promotion))
    for n in range(20):
        entry = order(n, strategy=promotion.slot)
        Fill.objects.create(
            order=entry, fill_id=f"f{n}", broker="paper", symbol="SPY", side="buy", quantity=Decimal(2),
            price=Decimal("500.30") + Decimal(n % 3) / 100, reference_price=500.0, ts=1, at=timezone.now(),
        )  # fmt: skip
    found = tracking.score(promotion)
    [part] = [each for each in found.document["parts"] if each["name"] == "slippage"]
    assert part["p"] < 0.001
    assert found.verdict == "ill"
    quarter = 0.25 * np.mean(promotion.expected["pnl"]) / 2
    assert tracking.bearable_slippage(promotion) == pytest.approx(quarter)
    promotion.expected["slippage"] = "fixed:31"
    assert tracking.bearable_slippage(promotion) == pytest.approx(0.31 + quarter)
    assert tracking.health_now(promotion).verdict == "healthy"
    promotion.expected["slippage"] = "spread:0.5"
    assert tracking.bearable_slippage(promotion) is None
    assert "slippage" not in {part.name for part in tracking.health_now(promotion).parts}


def test_one_that_cannot_be_looked_at_keeps_no_other_from_it(promotion, second):
    Promotion.objects.filter(pk=promotion.pk).update(expected={})
    assert tracking.score_all() == {f"rules.{second.pk}": "unknown"}


def test_trading_days_are_counted_not_calendar_days(promotion):
    promotion.began_at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    until = promotion.began_at + timedelta(days=7)
    assert tracking.sessions_since(promotion, until) == 5
