"""What a DXLink client may say, as types: anything else is an INVALID_MESSAGE."""

from typing import Any

import msgspec


class Message(msgspec.Struct, tag_field="type", rename="camel"):
    """Every message names its type and its channel."""

    channel: int


class Setup(Message, tag="SETUP"):
    version: str
    keepalive_timeout: float = 60
    accept_keepalive_timeout: float = 60


class Auth(Message, tag="AUTH"):
    token: str


class Keepalive(Message, tag="KEEPALIVE"):
    """Says only that the client is there."""


class ClientError(Message, tag="ERROR"):
    error: str
    message: str = ""


class ChannelRequest(Message, tag="CHANNEL_REQUEST"):
    service: str
    parameters: dict[str, Any] = {}


class ChannelCancel(Message, tag="CHANNEL_CANCEL"):
    """Closes the channel it names."""


class FeedSetup(Message, tag="FEED_SETUP"):
    accept_aggregation_period: float = 0
    accept_data_format: str = "COMPACT"
    accept_event_fields: dict[str, list[str]] = {}


class Subscription(msgspec.Struct, rename="camel"):
    """`from_time` (ms) is for time series."""

    type: str
    symbol: str
    from_time: float | None = None


class FeedSubscription(Message, tag="FEED_SUBSCRIPTION"):
    """Takes effect in the order reset, remove, add."""

    add: list[Subscription] = []
    remove: list[Subscription] = []
    reset: bool = False


ClientMessage = Setup | Auth | Keepalive | ClientError | ChannelRequest | ChannelCancel | FeedSetup | FeedSubscription
decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
