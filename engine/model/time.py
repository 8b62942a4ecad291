"""UTC nanoseconds and their ISO 8601 spelling."""

from datetime import UTC, datetime, timedelta

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ts: int) -> str:
    """ "2013-10-07T13:30:00.000000000Z": UTC, nine decimals."""
    seconds, nanos = divmod(ts, NS_PER_S)
    return f"{to_datetime(seconds * NS_PER_S):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"


def to_datetime(ts: int) -> datetime:
    """Aware UTC datetime, truncated to microseconds."""
    return _EPOCH + timedelta(microseconds=ts // NS_PER_US)


def from_datetime(moment: datetime) -> int:
    """UTC nanoseconds of an aware datetime; a naive one is refused."""
    if moment.tzinfo is None:
        raise ValueError(f"a datetime with a time zone was expected, found the naive {moment!r}")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * NS_PER_US
