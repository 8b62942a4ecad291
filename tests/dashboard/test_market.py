"""The market: an old price is never shown as new, a search finds and explains, movers are told by feed and window."""

import time
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async

from brokers.models import BrokerAccount
from dashboard import catalogue, symbol_search
from dashboard.catalogue import known_symbols
from dashboard.market import Watched, mover_rows, quote_rows, watched
from dashboard.market_views import QuotesOutput, SearchOutput
from dashboard.symbol_search import search
from engine.errors import InvalidInput
from engine.instruments.catalog import market_hours
from engine.model.signals import MoverDetected
from infra import codec
from infra.redis import keys
from marketdata.services import save_feed, set_wanted
from strategies.models import Ticker

pytestmark = pytest.mark.django_db

S = 1_000_000_000
OPEN = 1_795_190_400 * S  # Friday 2026-11-20 11:00 in New York
CLOSED = OPEN + 24 * 3600 * S


def told(store, symbol: str, *, last: float, ago_s: float = 1, now: int = 0, feed: str = "dxlink", **state) -> None:
    at = (now or time.time_ns()) - int(ago_s * S)
    store.hset(
        keys.quote(symbol),
        mapping={
            "last": last, "ts": at, "ts_recv": at, "bid": last - 0.25, "ask": "nan", "quote_ts": at, "size": 3,
        },
    )  # fmt: skip
    said = {"state": "fresh", "reason": "", "feed": feed, "last_recv": at, "timeframes": '{"1": {"state": "fresh"}}'}
    store.hset(keys.feed_state(symbol), mapping={**said, **state})


def beats(store, feed: str = "dxlink", **more) -> None:
    store.set(keys.heartbeat(f"feed:{feed}"), msgspec.json.encode({"feed": feed, **more}))


@pytest.fixture
def clock(monkeypatch):
    """Sets what time it is for the page."""

    def at(now: int) -> int:
        monkeypatch.setattr("dashboard.market.time.time_ns", lambda: now)
        return now

    return at


def only(symbol: str):
    [row] = quote_rows([symbol])["quotes"]
    return row


def test_a_fresh_price_is_new_and_what_is_no_number_is_none(store, clock):
    now = clock(OPEN)
    told(store, "SPY", last=600.5, now=now)
    beats(store)
    row = only("SPY")
    assert (row["state"], row["reason"], row["is_old"], row["is_quote_old"]) == ("fresh", "", False, False)
    assert (row["last"], row["bid"], row["ask"], row["age_s"]) == (600.5, 600.25, None, 1)
    assert (row["asset_class"], row["timeframes"], row["last_at"]) == ("equity", ["1"], "2026-11-20T15:59:59.000+00:00")


@pytest.mark.parametrize(
    ("state", "reason"),
    [("stale", "not connected: cut"), ("gapped", "prints were lost"), ("suspect", "trading is halted")],
)
def test_a_price_that_its_feed_doubts_is_old_with_the_feeds_reason(store, clock, state, reason):
    told(store, "SPY", last=600.5, now=clock(OPEN), state=state, reason=reason)
    beats(store)
    row = only("SPY")
    assert (row["state"], row["reason"], row["is_old"], row["is_quote_old"]) == (state, reason, True, True)


def test_the_last_word_of_a_feed_that_is_gone_is_not_believed(store, clock):
    told(store, "SPY", last=600.5, now=clock(OPEN))
    row = only("SPY")
    assert (row["state"], row["is_old"]) == ("unknown", True)
    assert row["reason"] == "the feed dxlink gives no sign of life"


def test_a_price_that_nobody_vouches_for_is_old_however_young(store, clock):
    now = clock(OPEN)
    store.hset(keys.quote("IBM"), mapping={"last": 250.0, "ts": now})
    row = only("IBM")
    assert (row["state"], row["reason"], row["last"], row["is_old"]) == ("unknown", "no feed tells of it", 250.0, True)
    assert only("KO")["last"] is None


def test_quotes_that_stopped_are_old_while_prints_go_on(store, clock):
    now = clock(OPEN)
    told(store, "SPY", last=600.5, now=now)
    beats(store)
    assert not only("SPY")["is_quote_old"]
    store.hset(keys.quote("SPY"), "quote_ts", now - 90 * S)
    assert (only("SPY")["is_old"], only("SPY")["is_quote_old"]) == (False, True)


def test_the_bid_of_an_option_that_is_held_is_told_by_its_trader(store, clock):
    now, option = clock(OPEN), "SPXW  261120C06000000"
    store.hset(keys.quote(option), mapping={"last": 6.7, "ts": now - S})
    row = only(option)
    assert (row["state"], row["is_old"], row["last"]) == ("fresh", False, 6.7)
    assert row["reason"] == "the bid, told by the trader that holds it"
    store.delete(keys.quote(option))
    assert (only(option)["state"], only(option)["is_old"]) == ("unknown", True)


def test_silence_is_told_apart_from_a_closed_market(store, clock):
    beats(store)
    told(store, "SPY", last=600.5, ago_s=90, now=clock(OPEN))
    row = only("SPY")
    assert (row["state"], row["is_old"], row["reason"], row["opens_at"]) == (
        "fresh",
        True,
        "no print for a while",
        None,
    )
    told(store, "SPY", last=600.5, ago_s=3600, now=clock(CLOSED))
    row = only("SPY")
    assert (row["reason"], row["opens_at"]) == ("the market is closed", "2026-11-23T14:30:00.000+00:00")
    assert market_hours("SPY")(CLOSED).open > CLOSED


def test_movers_are_told_by_feed_and_window(store):
    for feed, event in (
        ("dxlink", MoverDetected(1, "TSLA", "fast", 1, 420.5, 0.0123)),
        ("iex", MoverDetected(2, "KO", "slow", 0, 70.25, 0.0, 4.5)),
        ("iex", MoverDetected(3, "NVDA", "fast", -1, 180.0, -0.02)),
    ):
        store.xadd(keys.movers(), {"e": codec.encode(event), "feed": feed})
    long_ago = f"{int(time.time() * 1000) - 600_000}-0"
    every = mover_rows(Watched((), "", 5))
    assert [row["symbol"] for row in every["fast"]] == ["NVDA", "TSLA"]
    assert [(row["symbol"], row["feed"], row["volume_ratio"], row["name"]) for row in every["slow"]] == [
        ("KO", "iex", 4.5, "Coca-Cola")
    ]
    assert [row["symbol"] for row in mover_rows(Watched((), "dxlink", 5))["fast"]] == ["TSLA"]
    store.delete(keys.movers())
    store.xadd(keys.movers(), {"e": codec.encode(MoverDetected(4, "AMD", "fast", 1, 150.0, 0.05))}, id=long_ago)
    assert mover_rows(Watched((), "", 5))["fast"] == []
    assert [row["symbol"] for row in mover_rows(Watched((), "", 15))["fast"]] == ["AMD"]


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"symbols": "SPY,not a symbol!"}, "symbol", "found 'not a symbol!'"),
        ({"symbols": ",".join(f"A{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(41))}, "symbols", "at most 40"),
        ({"feed": "nobody"}, "feed", "one of dxlink was expected, found 'nobody'"),
        ({"minutes": "7"}, "minutes", "one of 1, 5, 15, 60, 240 was expected, found '7'"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_its_field(redis_url, asked, field, words):
    save_feed(name="dxlink", kind="dxlink", api_url="http://x")
    with pytest.raises(InvalidInput, match=words) as refused:
        watched(asked)
    assert refused.value.field == field


def test_symbols_are_taken_in_any_spelling_and_once(db):
    assert watched({"symbols": "spy, MES,$SPX,/MES,,BRK/B"}).symbols == ("SPY", "/MES", "SPX", "BRK.B")


# ---- the search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("spy", "SPY"), ("/nq", "/NQ"), ("nq", "/NQ"), ("micro e-mini s&p", "/MES"), ("nvidia", "NVDA"),
        ("$spx", "SPX"), ("eurusd", "EUR/USD"), ("brk/b", "BRK.B"), ("/NQZ26", "/NQZ26"), ("sp", "SPX"),
        ("gold", "/GC"), ("bank", "BAC"),
        ("SPXW  261120C06000000", "SPXW  261120C06000000"),
    ],
)  # fmt: skip
def test_a_symbol_is_found_by_any_spelling_and_by_its_name(redis_url, text, first):
    assert search(text)["results"][0]["symbol"] == first


def test_every_known_symbol_finds_itself_first(monkeypatch):
    monkeypatch.setattr(symbol_search, "_rows", lambda found: [each.symbol for each in found])
    missed = [symbol for symbol in known_symbols() if search(symbol)["results"][0] != symbol]
    assert len(known_symbols()) > 200
    assert missed == []


def test_what_is_unknown_is_said_and_letters_alone_are_tried_as_a_share(redis_url):
    assert search("/ZB")["problem"].startswith("symbol: expected a future of ES, MES")
    assert search("%%")["results"] == []
    [row] = search("QQQQX")["results"]
    assert (row["name"], row["trade"]["at"]) == ("", ["paper"])
    for text in ("  ", "x" * 65):
        with pytest.raises(InvalidInput, match="1 to 64 characters"):
            search(text)


def test_where_a_symbol_can_be_traded_is_told_with_the_reason_where_not(redis_url):
    BrokerAccount.objects.create(name="main", broker="schwab")
    BrokerAccount.objects.create(name="off", broker="ibkr", enabled=False)
    future, index, share = (search(text)["results"][0]["trade"] for text in ("/NQ", "SPX", "SPY"))
    assert future["at"] == ["paper"]
    assert len(future["problems"]) == 1
    assert "utures" in future["problems"][0]
    assert (share["at"], share["problems"]) == (["paper", "main"], [])
    assert (index["at"], index["problems"]) == ([], ["An index itself cannot be bought: its options can."])


def test_which_feed_has_a_symbol_is_told_or_why_none_has(store, settings):
    def feed_of(symbol: str):
        row = search(symbol)["results"][0]
        assert row["symbol"] == symbol
        return row["feed"]

    assert feed_of("SPY")["reason"] == "no feed is configured"
    save_feed(name="dxlink", kind="dxlink", api_url="http://x")
    assert feed_of("SPY") == {
        "name": "", "state": "none", "reason": "no feed carries it: a strategy's ticker or a feed's universe would"
    }  # fmt: skip
    set_wanted(feed="dxlink", pairs=[("SPY", "1")])
    assert feed_of("SPY")["reason"] == "the feed dxlink is to carry it and does not run"
    beats(store, refused={"IBM": "the limit is reached"})
    assert feed_of("SPY")["reason"] == "the feed dxlink is to carry it and tells nothing of it yet"
    assert feed_of("IBM")["reason"] == "the feed dxlink does not get it: the limit is reached"
    told(store, "SPY", last=600.0, state="stale", reason="not connected")
    assert feed_of("SPY") == {"name": "dxlink", "state": "stale", "reason": "not connected"}


def test_a_universe_says_whom_it_polls_and_whom_it_leaves_out(redis_url, settings, tmp_path):
    listed = tmp_path / "assets.csv"
    listed.write_text(
        "symbol,name,exchange\nAAPL,Apple,NASDAQ\nMSFT,Microsoft,NASDAQ\nTQQQ,ProShares UltraPro QQQ,NASDAQ\n"
    )
    settings.SYMBOL_FILE, settings.VAR_DIR = str(listed), tmp_path
    settings.MAX_WEBSOCKET_SYMBOLS, settings.MAX_SYMBOLS = 1, 10
    save_feed(name="all", kind="synthetic", universe="all")
    forget_names()
    try:
        reasons = {row["symbol"]: row["feed"]["reason"] for row in (search(s)["results"][0] for s in ("MSFT", "TQQQ"))}
        assert reasons["MSFT"] == "the feed all asks for it from time to time: there is no stream"
        assert reasons["TQQQ"] == "the universe of the feed all leaves it out: it is leveraged, inverse or a note"
        assert search("TQQQ")["results"][0]["trade"]["doubt"] == "it is leveraged, inverse or a note"
    finally:
        forget_names()


def forget_names() -> None:
    for kept in (catalogue._known, catalogue._names):
        kept.cache_clear()


# ---- page, routes, socket -----------------------------------------------------------------------------------


def test_page_and_routes_are_for_people_who_signed_in(client, user, store):
    for path in ("/market", "/api/market/search?q=SPY", "/api/market/quotes?symbols=SPY"):
        assert client.get(path).status_code in (302, 401), path
    client.force_login(user)
    assert client.get("/api/market/search?q=spy").json()["results"][0]["symbol"] == "SPY"
    assert client.get("/api/market/quotes?symbols=/mes").json()["quotes"][0]["symbol"] == "/MES"
    refused = client.get("/api/market/quotes?symbols=a b c d")
    assert (refused.status_code, refused.json()["field"]) == (400, "symbol")
    assert client.get("/api/market/search?q=").status_code == 400


def test_the_search_which_names_accounts_and_strategies_needs_a_role(client, stranger, redis_url):
    client.force_login(stranger)
    assert client.get("/api/market/search?q=spy").status_code == 403
    assert client.get("/api/market/quotes?symbols=SPY").status_code == 200


def test_what_the_routes_answer_is_what_their_description_names(client, user, store):
    told(store, "SPY", last=600.5)
    client.force_login(user)
    answers = {
        SearchOutput: client.get("/api/market/search?q=spy").json(),
        QuotesOutput: client.get("/api/market/quotes?symbols=SPY").json(),
    }
    for described, answer in answers.items():
        assert shape(answer) == shape_of(described())


def shape(value: Any) -> Any:
    """The names in an answer."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return shape(value[0]) if isinstance(value, list) and value and isinstance(value[0], dict) else None


def shape_of(described: Any) -> Any:
    inner = getattr(described, "child", described)
    return {name: shape_of(field) for name, field in inner.fields.items()} if hasattr(inner, "fields") else None


def test_the_page_begins_with_what_strategies_trade_and_an_address_that_is_wrong_is_answered_on_it(
    client, user, redis_url
):
    Ticker.objects.create(strategy="ema", symbol="/MES", timeframe="1", quantities={})
    client.force_login(user)
    page = client.get("/market")
    assert page.context["page"]["symbols"] == ["/MES"]
    assert not page.context["page"]["is_chosen"]
    assert client.get("/market?symbols=SPY,QQQ").context["page"]["symbols"] == ("SPY", "QQQ")
    wrong = client.get("/market?minutes=7")
    assert wrong.status_code == 200
    assert "minutes: one of 1, 5, 15, 60, 240 was expected" in wrong.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_quotes_and_movers_come_by_socket_and_follow_the_feed(connect, user, store, monkeypatch):
    monkeypatch.setattr("dashboard.market_feed.SHOW_EVERY_S", 0.05)
    told(store, "SPY", last=600.5)
    beats(store)
    socket, is_open, _ = await connect("/ws/market?symbols=SPY&minutes=5", user)
    assert is_open
    first = await socket.read_until(lambda message: message["kind"] == "quotes")
    assert (first["quotes"][0]["last"], first["quotes"][0]["state"]) == (600.5, "fresh")
    assert (await socket.read_until(lambda message: message["kind"] == "movers"))["fast"] == []
    store.xadd(keys.movers(), {"e": codec.encode(MoverDetected(1, "TSLA", "fast", 1, 420.5, 0.0123)), "feed": "dxlink"})
    moved = await socket.read_until(lambda message: message["kind"] == "movers")
    assert [row["symbol"] for row in moved["fast"]] == ["TSLA"]
    told(store, "SPY", last=600.5, state="stale", reason="not connected: cut")
    after = await socket.read_until(
        lambda message: message["kind"] == "quotes" and message["quotes"][0]["state"] == "stale"
    )
    assert (after["quotes"][0]["is_old"], after["quotes"][0]["last"]) == (True, 600.5)


@pytest.mark.django_db(transaction=True)
async def test_a_socket_that_asks_for_what_cannot_be_is_closed_with_the_reason(connect, user):
    socket, _, _ = await connect("/ws/market?feed=nobody", user)
    closing = await socket.receive_output()
    assert closing["code"] == 4400
    assert "feed: one of none was expected" in closing["reason"]
    assert await sync_to_async(watched)({}) == Watched(())
