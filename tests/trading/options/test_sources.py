"""Where a book's chains come from, and what is refused as a source."""

import math

import pytest
from asgiref.sync import async_to_sync

from brokers.models import BrokerAccount
from brokers.schwab.chains import SchwabChains
from brokers.tastytrade.chains import TastytradeChains
from engine.errors import InvalidInput, NotFound
from tests.engine.options.world import HALF_DAY, MINUTE, session
from trading.limits import execution_policy
from trading.options.sources import ModelledChains, NoPrice, chain_source

pytestmark = pytest.mark.django_db


MORNING = session()[0] + 30 * MINUTE


def source(configured="", *, is_real=False, accounts=(), price=6001.0, now=MORNING):
    return chain_source(
        configured, is_real=is_real, accounts=accounts, price_of=lambda symbol: price, now_ns=lambda: now
    )


def account(name, broker):
    return BrokerAccount.objects.create(name=name, broker=broker, mode="live", account_number=name)


def test_on_paper_nothing_is_assumed():
    assert source() is None


def test_with_real_money_the_first_account_that_can_tell_is_asked():
    account("alp", "alpaca")
    account("tt", "tastytrade")
    account("cs", "schwab")
    assert isinstance(source(is_real=True, accounts=("alp", "cs", "tt")), SchwabChains)
    assert isinstance(source(is_real=True, accounts=("alp", "tt")), TastytradeChains)
    assert source(is_real=True, accounts=("alp",)) is None
    assert isinstance(source("tt", is_real=True, accounts=("cs",)), TastytradeChains), "what is configured goes first"


def test_on_paper_an_account_may_be_asked_too():
    account("tt", "tastytrade")
    assert isinstance(source("tt"), TastytradeChains)


def test_with_real_money_no_model_sets_a_price():
    with pytest.raises(InvalidInput, match="with real money prices of a model"):
        source("synthetic", is_real=True)


@pytest.mark.parametrize(
    ("configured", "words"),
    [("nobody", "an account or 'synthetic' was expected"), ("synthetic:high", "synthetic:0.15 was expected"),
     ("synthetic:9", "a fraction above 0")],
)  # fmt: skip
def test_a_source_that_is_none_is_named(configured, words):
    with pytest.raises(InvalidInput, match=words):
        source(configured)


def test_an_account_whose_venue_tells_no_chains_is_refused():
    account("alp", "alpaca")
    with pytest.raises(NotFound, match="alpaca has no option chains here"):
        source("alp")


def test_a_model_prices_around_what_the_book_sees_and_says_when_it_sees_nothing():
    found = source("synthetic:0.2")
    assert isinstance(found, ModelledChains)
    chain = async_to_sync(found.chain)("SPX", HALF_DAY)
    assert chain.source == "model: volatility 0.2"
    calls = {float(e.contract.strike): e for e in chain.entries if e.contract.right == "C"}
    assert calls[6000.0].bid > calls[6010.0].bid > calls[6020.0].bid
    assert {(e.contract.root, e.contract.expiry) for e in chain.entries} == {("SPXW", HALF_DAY)}
    [quote] = async_to_sync(found.quotes)([calls[6000.0].contract.symbol])
    assert (quote.ts, quote.bid, quote.ask) == (MORNING, calls[6000.0].bid, calls[6000.0].ask)
    ended = source("synthetic", now=session()[1])
    assert async_to_sync(ended.quotes)([calls[6000.0].contract.symbol]) == [], "what has ended is not quoted"
    with pytest.raises(NoPrice, match="SPX has no price yet"):
        async_to_sync(source("synthetic", price=math.nan).chain)("SPX", HALF_DAY)


def test_a_books_policy_names_a_source_and_refuses_one_that_cannot_be():
    assert execution_policy({"chains": "synthetic:0.2"}).chains == "synthetic:0.2"
    with pytest.raises(InvalidInput, match="a fraction above 0"):
        execution_policy({"chains": "synthetic:9"})
