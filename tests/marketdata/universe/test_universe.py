"""The universe: every exclusion has its reason, shares that look like warrants stay, modes list what they say."""

import json
from collections import Counter

import pytest
from django.core.management import CommandError, call_command

from engine.errors import InvalidInput, NotFound
from marketdata.universe.assets import DAY_S, Asset, AssetFile, BuiltIn, Cached
from marketdata.universe.filters import reason_against
from marketdata.universe.presets import PRESETS
from marketdata.universe.services import choose


@pytest.mark.parametrize("symbol", ["PLTR", "UBER", "MU", "NOW", "SNOW", "LOW", "SHW", "GOOGL", "BRK.B", "W", "U", "R"])
def test_shares_that_end_like_warrants_rights_or_units_stay(symbol):
    assert reason_against(Asset(symbol=symbol, exchange="NASDAQ")) is None


@pytest.mark.parametrize("name", ["Build-A-Bear Workshop", "Ultra Clean Holdings", "United Airlines", "Unity Software"])
def test_names_that_only_look_like_something_else_stay(name):
    assert reason_against(Asset(symbol="ABC", name=name)) is None


@pytest.mark.parametrize(
    ("asset", "reason"),
    [
        (Asset(symbol="AACBU", exchange="NASDAQ"), "a unit (fifth letter U)"),
        (Asset(symbol="HOLOW", exchange="NASDAQ"), "a warrant (fifth letter W)"),
        (Asset(symbol="ABCDR", exchange="NASDAQ"), "a right (fifth letter R)"),
        (Asset(symbol="BAC.WS"), "a warrant (suffix WS)"),
        (Asset(symbol="ABC.U"), "a unit (suffix U)"),
        (Asset(symbol="BAC-PB"), "a preferred share (suffix PB)"),
        (Asset(symbol="ABC", name="Some Corp Warrants"), "a warrant (by its name)"),
        (Asset(symbol="SPAC", name="Big Idea Acquisition Corp. II"), "SPAC"),
        (Asset(symbol="ZVZZT", exchange="NASDAQ"), "test symbol"),
        (Asset(symbol="NTEST"), "test symbol"),
        (Asset(symbol="TQQQ", name="ProShares UltraPro QQQ"), "leveraged"),
        (Asset(symbol="SOXL", name="Direxion Daily Semiconductor Bull 3X Shares"), "leveraged"),
        (Asset(symbol="VXX", name="iPath Series B S&P 500 VIX ETN"), "a note"),
        (Asset(symbol="OTCX", exchange="OTC"), "listed on OTC"),
        (Asset(symbol="BTCUSD", asset_class="crypto"), "no US share"),
        (Asset(symbol="DEAD", is_active=False), "not active"),
        (Asset(symbol="HELD", is_tradable=False), "cannot be traded"),
        (Asset(symbol="PENNY", price=0.4), "outside 1 to 10000"),
        (Asset(symbol="BRK.A", price=700_000.0), "outside 1 to 10000"),
    ],
)
def test_what_is_left_out_says_why(asset, reason):
    assert reason in str(reason_against(asset))


@pytest.mark.parametrize(("mode", "least", "most"), [
    ("popular", 90, 110), ("large", 45, 55), ("mid", 45, 55), ("small", 90, 110), ("all", 200, 500)
])  # fmt: skip
def test_each_mode_lists_a_plausible_number(mode, least, most):
    found = choose(mode, source=BuiltIn())
    assert least <= len(found.chosen) <= most
    assert not found.excluded
    assert max(Counter(asset.symbol for asset in found.chosen).values()) == 1


def test_custom_is_exactly_what_was_named(settings):
    settings.SYMBOLS = ["spy", "MES", "BRK/B", "SPY"]
    assert [asset.symbol for asset in choose("custom").chosen] == ["SPY", "/MES", "BRK.B"]
    settings.SYMBOLS = []
    with pytest.raises(InvalidInput, match="at least one symbol"):
        choose("custom")
    with pytest.raises(InvalidInput, match="expected one of popular"):
        choose("huge")


def test_the_limits_say_what_is_polled_and_what_is_left_out(settings):
    settings.MAX_SYMBOLS, settings.MAX_WEBSOCKET_SYMBOLS = 40, 30
    found = choose("large", source=BuiltIn())
    assert (len(found.chosen), found.streamed, len(found.polled)) == (40, 30, 10)
    assert {each.reason for each in found.excluded} == {"it is beyond MAX_SYMBOLS=40"}
    assert len(found.excluded) == 10


def exported(tmp_path):
    path = tmp_path / "assets.json"
    rows = [
        {"symbol": "AAPL", "name": "Apple Inc.", "exchange": "NASDAQ", "class": "us_equity", "status": "active",
         "tradable": True},
        {"symbol": "HOLOW", "name": "MicroCloud Warrants", "exchange": "NASDAQ", "class": "us_equity",
         "status": "active", "tradable": True},
        {"symbol": "OLD", "exchange": "NYSE", "class": "us_equity", "status": "inactive", "tradable": False},
        {"symbol": "MIDD", "exchange": "NASDAQ", "status": "active", "tradable": True, "market_cap": 5e9},
    ]  # fmt: skip
    path.write_text(json.dumps(rows))
    return path


def test_an_exported_list_is_filtered_and_tiered_by_market_value(tmp_path):
    source = AssetFile(exported(tmp_path))
    found = choose("all", source=source)
    assert [asset.symbol for asset in found.chosen] == ["AAPL", "MIDD"]
    assert [each.symbol for each in found.excluded] == ["HOLOW", "OLD"]
    assert [asset.symbol for asset in choose("mid", source=source).chosen] == ["MIDD"]
    assert [asset.symbol for asset in choose("large", source=source).chosen] == ["AAPL"]


def test_a_csv_is_a_list_too_and_a_wrong_one_is_named(tmp_path):
    path = tmp_path / "assets.csv"
    path.write_text("symbol,name,exchange,price\nABC,Abc Inc,NYSE,12.5\nXYZ,Xyz Inc,NYSE,0.2\n")
    assert [asset.symbol for asset in choose("all", source=AssetFile(path)).chosen] == ["ABC"]
    with pytest.raises(NotFound, match="nowhere"):
        AssetFile(tmp_path / "nowhere.csv").assets()
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(InvalidInput, match="a list was expected"):
        AssetFile(tmp_path / "bad.json").assets()


def test_a_list_is_fetched_once_a_day(tmp_path):
    class Counting:
        name = "api"
        calls = 0

        def assets(self):
            self.calls += 1
            return [Asset(symbol="SPY", price=1.5)]

    source = Counting()
    cached = Cached(source, tmp_path)
    assert cached.assets() == Cached(source, tmp_path).assets() == [Asset(symbol="SPY", price=1.5)]
    assert source.calls == 1
    written = (tmp_path / "api.json").stat().st_mtime
    Cached(source, tmp_path, now=lambda: written + DAY_S + 1).assets()
    assert source.calls == 2
    (tmp_path / "api.json").write_text("torn")
    assert len(Cached(source, tmp_path).assets()) == 1
    assert source.calls == 3


def test_the_commands(tmp_path, settings, capsys):
    settings.VAR_DIR, settings.SYMBOL_FILE = tmp_path, str(exported(tmp_path))
    call_command("symbols", "fetch")
    assert "4 assets from file:assets.json: 2 accepted, 2 left out" in capsys.readouterr().out
    call_command("symbols", "list", "all", "--excluded")
    text = capsys.readouterr().out
    assert "HOLOW    left out: it is a warrant (fifth letter W)" in text
    assert "all: 2 symbols" in text
    call_command("symbols", "test", "SNOW", "HOLOW", "--json")
    assert [each["reason"] is None for each in json.loads(capsys.readouterr().out)] == [True, False]
    call_command("symbols", "benchmark", "large", "--json")
    assert json.loads(capsys.readouterr().out)["assets"] == 1
    call_command("symbols", "samples", str(tmp_path))
    assert {path.name for path in tmp_path.glob(".env.*")} == set(PRESETS)
    assert "SYMBOL_MODE=large" in (tmp_path / ".env.large_cap").read_text()
    call_command("symbols", "samples", str(tmp_path))
    assert "nothing" in capsys.readouterr().out.splitlines()[-1]
    with pytest.raises(CommandError, match="expected one of popular"):
        call_command("symbols", "list", "huge")
