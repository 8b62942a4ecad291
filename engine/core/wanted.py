"""An option that a slot wishes for and has not bought yet."""

import msgspec


class Wanted(msgspec.Struct):
    """An entry without a contract. It waits until nothing else is held (`is_asked` False), then for the chain."""

    wanted_id: str
    target: int  # +1 a call, −1 a put
    reason: str
    ts: int  # of the wish
    bar_ts: int
    deadline: int
    is_asked: bool = False
    parent: str = ""  # the order that closes what was held before
