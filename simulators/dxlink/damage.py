"""The ways in which a FEED_DATA frame breaks."""

import random

from simulators.faults import cut_short


def missing_value(frame: bytes, rng: random.Random) -> bytes:
    """Good JSON, but the last event lacks its last value."""
    body, separator, _ = frame.rpartition(b",")
    return body + b"]]}" if separator else frame[:-1]


def wrong_kind(frame: bytes, rng: random.Random) -> bytes:
    """Good JSON with an object and a null where numbers belong."""
    head, separator, _ = frame.partition(b'"data":')
    return head + separator + b'["Quote",[{"a":1},null,"x"]]}'


DAMAGES = (cut_short, missing_value, wrong_kind)
