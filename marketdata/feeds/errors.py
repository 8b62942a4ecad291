"""What can go wrong between us and a feed, in our own words."""

from engine.errors import FortifiedError


class FeedError(FortifiedError):
    """Base of the feeds' errors."""

    code = "feed_error"


class FeedUnavailable(FeedError):
    """The line is down or the venue busy: try again after a while. `retry_after_s`: what the venue asked for."""

    code = "feed_unavailable"
    retryable = True

    def __init__(self, detail: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class FeedUnauthorized(FeedError):
    """The venue refuses our token; a person may have to log in again. Tried again rarely."""

    code = "feed_unauthorized"
    retryable = True


class FeedProtocolError(FeedError):
    """The other side said what the protocol does not allow, or what we cannot read."""

    code = "feed_protocol_error"
    retryable = True
