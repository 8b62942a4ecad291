"""The base of every event: a frozen, tagged value with one timestamp."""

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True, tag_field="event", omit_defaults=True):
    """Something that happened, or an instruction. Tagged by class name in JSON and MessagePack.

    Fields that hold their default are left out of the encoding; JSON has no nan, so an absent number is the
    constant `engine.model.market.NAN` (the very object, which is the default of every field that may be absent).
    """

    ts: int  # UTC nanoseconds, by the venue's clock
