"""What all WebSockets say alike: who is refused before a handshake, and the codes with which they close."""

from typing import Any

from channels.db import database_sync_to_async

INVALID = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
UNKNOWN = 4404


async def refusal_of(user: Any, permission: str = "") -> int | None:
    """The code that refuses the handshake of `user`; None for who is signed in and has the `permission`, where one is
    needed ("app.codename")."""
    if not user.is_authenticated:
        return UNAUTHENTICATED
    is_allowed = not permission or await database_sync_to_async(user.has_perm)(permission)
    return None if is_allowed else FORBIDDEN
