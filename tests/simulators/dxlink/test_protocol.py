"""The DXLink handshake: the right order works, pipelined too, and every wrong one is told."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from simulators.dxlink.connection import LinkSettings
from simulators.dxlink.quote_tokens import Credentials
from tests.simulators.link import FIELDS, connected, quote_token

SETUP: dict[str, Any] = {"version": "0.1-test/1.0", "keepaliveTimeout": 60, "acceptKeepaliveTimeout": 60}


async def test_the_whole_handshake_in_its_order(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", **SETUP)
        setup = await link.hear()
        assert setup["type"] == "SETUP"
        assert setup["version"].startswith("1.0-")
        assert (setup["keepaliveTimeout"], setup["acceptKeepaliveTimeout"]) == (60, 60)
        assert await link.hear() == {"type": "AUTH_STATE", "channel": 0, "state": "UNAUTHORIZED"}
        await link.say("AUTH", token=await quote_token(simulator))
        assert (await link.hear())["state"] == "AUTHORIZED"
        await link.say("CHANNEL_REQUEST", 3, service="FEED", parameters={"contract": "AUTO"})
        assert await link.hear() == {
            "type": "CHANNEL_OPENED",
            "channel": 3,
            "service": "FEED",
            "parameters": {"contract": "AUTO", "subFormat": "LIST"},
        }
        await link.say("FEED_SETUP", 3, acceptAggregationPeriod=0.1, acceptEventFields=FIELDS)
        config = {"type": "FEED_CONFIG", "channel": 3, "dataFormat": "COMPACT", "aggregationPeriod": 0.1}
        assert await link.hear() == config
        await link.subscribe(3, "Quote", "SPY")
        assert await link.hear() == {**config, "eventFields": {"Quote": FIELDS["Quote"]}}
        data = await link.hear()
        assert (data["type"], data["channel"], data["data"][0], data["data"][1][0]) == ("FEED_DATA", 3, "Quote", "SPY")
        await link.say("CHANNEL_CANCEL", 3)
        assert await link.hear("CHANNEL_CLOSED") == {"type": "CHANNEL_CLOSED", "channel": 3}


async def test_everything_may_be_sent_without_waiting(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        token = await quote_token(simulator)
        await link.say("SETUP", **SETUP)
        await link.say("AUTH", token=token)
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={"contract": "AUTO"})
        await link.say("FEED_SETUP", 1, acceptAggregationPeriod=0, acceptEventFields=FIELDS)
        await link.subscribe(1, "Trade", "SPY")
        assert (await link.frame())[0]["eventSymbol"] == "SPY"


@pytest.mark.parametrize(
    ("authorized", "message", "error"),
    [
        (False, {"type": "AUTH", "channel": 0, "token": "x"}, "BAD_ACTION"),
        (False, {"type": "CHANNEL_REQUEST", "channel": 1, "service": "FEED"}, "BAD_ACTION"),
        (True, {"type": "CHANNEL_REQUEST", "channel": 1, "service": "DOM"}, "BAD_ACTION"),
        (True, {"type": "CHANNEL_REQUEST", "channel": 1}, "INVALID_MESSAGE"),
        (True, {"type": "FEED_SETUP", "channel": 1}, "BAD_ACTION"),
        (True, {"type": "FEED_SUBSCRIPTION", "channel": 1, "add": []}, "BAD_ACTION"),
        (True, {"type": "CHANNEL_CANCEL", "channel": 1}, "BAD_ACTION"),
        (True, {"type": "NONSENSE", "channel": 0}, "INVALID_MESSAGE"),
        (True, {"channel": 0}, "INVALID_MESSAGE"),
        (True, {"type": "KEEPALIVE", "channel": "zero"}, "INVALID_MESSAGE"),
    ],
)
async def test_a_step_out_of_order_is_an_error(start, authorized, message, error):
    async with start() as simulator, connected(simulator, authorized=authorized) as link:
        await link.socket.send(json.dumps(message))
        assert (await link.hear("ERROR"))["error"] == error


async def test_channels_need_authorization_first(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", **SETUP)
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={})
        assert (await link.hear("ERROR"))["error"] == "UNAUTHORIZED"


async def test_a_subscription_needs_a_feed_setup_first(start):
    async with start() as simulator, connected(simulator) as link:
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={})
        await link.subscribe(1, "Quote", "SPY")
        error = await link.hear("ERROR")
        assert (error["error"], error["channel"]) == ("BAD_ACTION", 1)


async def test_a_channel_opens_once(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.say("CHANNEL_REQUEST", 1, service="FEED", parameters={})
        assert (await link.hear("ERROR"))["error"] == "BAD_ACTION"


@pytest.mark.parametrize("channel", [0, 2, 4, -1])
async def test_even_channels_are_refused(start, channel):
    async with start() as simulator, connected(simulator) as link:
        await link.say("CHANNEL_REQUEST", channel, service="FEED", parameters={})
        assert await link.hear("ERROR") == {
            "type": "ERROR",
            "channel": 0,
            "error": "BAD_ACTION",
            "message": "Protocol violation with an even channel usage.",
        }


async def test_what_is_no_json_is_told_and_survived(start):
    async with start() as simulator, connected(simulator) as link:
        await link.socket.send("{nonsense")
        assert (await link.hear("ERROR"))["error"] == "INVALID_MESSAGE"
        await link.open(1)


async def test_an_event_type_that_does_not_exist_is_told(start):
    async with start() as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Weather", "SPY")
        assert "Weather" in (await link.hear("ERROR"))["message"]


async def test_another_protocol_version_is_refused(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", version="2.0-x/1")
        assert (await link.hear("ERROR"))["error"] == "UNSUPPORTED_PROTOCOL"
        with pytest.raises(ConnectionClosed):
            await link.hear()


async def test_a_wrong_token_is_unauthorized_a_second_time_and_then_closed(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", **SETUP)
        await link.say("AUTH", token="wrong")
        assert (await link.hear("AUTH_STATE"))["state"] == "UNAUTHORIZED"
        assert (await link.hear("AUTH_STATE"))["state"] == "UNAUTHORIZED"
        with pytest.raises(ConnectionClosed):
            await link.hear()


async def test_a_live_socket_may_authorize_again_with_a_new_token(start):
    async with start() as simulator, connected(simulator) as link:
        await link.say("AUTH", token=await quote_token(simulator))
        assert (await link.hear("AUTH_STATE"))["state"] == "AUTHORIZED"


async def test_without_required_authorization_the_server_authorizes_at_once(start):
    async with (
        start(link=LinkSettings(require_auth=False)) as simulator,
        connected(simulator, authorized=False) as link,
    ):
        await link.say("SETUP", **SETUP)
        assert (await link.hear("AUTH_STATE"))["state"] == "AUTHORIZED"
        await link.open(1)


async def test_a_token_that_runs_out_ends_the_connection(start):
    async with start(credentials=Credentials(quote_token_life_s=0.3)) as simulator, connected(simulator) as link:
        await link.open(1)
        assert (await link.hear("AUTH_STATE"))["state"] == "UNAUTHORIZED"
        with pytest.raises(ConnectionClosed):
            await link.hear()


async def test_a_silent_client_is_told_and_dropped(start):
    async with start(link=LinkSettings(keepalive_timeout_s=0.3)) as simulator, connected(simulator) as link:
        error = await link.hear("ERROR")
        assert (error["error"], error["channel"]) == ("TIMEOUT", 0)
        assert error["message"].startswith("The timeout has been reached.")
        with pytest.raises(ConnectionClosed):
            await link.hear()


async def test_the_server_keeps_the_line_alive_as_often_as_the_client_wants(start):
    async with start() as simulator, connected(simulator, authorized=False) as link:
        await link.say("SETUP", version="0.1-test/1", keepaliveTimeout=0.2)
        for _ in range(3):
            assert (await link.hear("KEEPALIVE"))["channel"] == 0


async def test_a_frame_too_big_is_closed_with_1009(start):
    async with start(link=LinkSettings(max_frame=4_096)) as simulator, connected(simulator) as link:
        await link.open(1)
        await link.subscribe(1, "Quote", *(f"SYM{number:03d}" for number in range(200)))
        with pytest.raises(ConnectionClosed) as closed:
            await link.hear("FEED_DATA")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
