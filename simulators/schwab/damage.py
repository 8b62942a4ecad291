"""The ways in which a streamer frame breaks."""

import random

from simulators.faults import cut_short


def wrong_kind(frame: bytes, rng: random.Random) -> bytes:
    """Good JSON with words where numbers and lists belong."""
    return b'{"data":[{"service":"LEVELONE_EQUITIES","timestamp":"x","content":{"key":null}}]}'


def word_for_price(frame: bytes, rng: random.Random) -> bytes:
    """Good JSON, but a last price is a word."""
    head, found, tail = frame.partition(b'"3":')
    if not found:
        return cut_short(frame, rng)
    cut = min(at for at in (tail.find(b","), tail.find(b"}")) if at >= 0)
    return head + found + b'"n/a"' + tail[cut:]


DAMAGES = (cut_short, wrong_kind, word_for_price)
