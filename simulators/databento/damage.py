"""The ways in which a stretch of a DBN stream breaks. Its records have no marks: after a cut one, all are askew."""

import random


def cut_inside(frame: bytes, rng: random.Random) -> bytes:
    """The stretch ends inside its last record; the next one follows at once."""
    return frame[: -rng.randrange(1, max(2, min(frame[0] * 4, len(frame)) - 1))]


def no_length(frame: bytes, rng: random.Random) -> bytes:
    """A record that claims to have no length."""
    return b"\x00" + frame[1:]


def unknown_kind(frame: bytes, rng: random.Random) -> bytes:
    """A record of a kind that does not exist."""
    return frame[:1] + b"\x77" + frame[2:]


def wrong_length(frame: bytes, rng: random.Random) -> bytes:
    """A record whose length does not fit its kind."""
    return bytes([frame[0] - 1]) + frame[1:]


DAMAGES = (cut_inside, no_length, unknown_kind, wrong_length)
