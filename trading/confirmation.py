"""The second look before real money: a token that one person gets for one start, for two minutes, once."""

from django.core import signing
from django.core.cache import cache

from engine.errors import Conflict
from infra.web.actor import Actor

_SALT = "trading.start_live"
_AGE_S = 120


class ConfirmationNeeded(Conflict):
    """Real money was asked for without, or with a wrong, confirmation."""

    code = "confirmation_needed"


def offer(*, user: Actor, strategy: str, symbol: str) -> str:
    """A token for exactly this start by exactly this person."""
    return signing.dumps([user.pk, strategy, symbol], salt=_SALT)


def use(token: str, *, user: Actor, strategy: str, symbol: str) -> None:
    """Spend `token`; `ConfirmationNeeded` where it is not for this start, too old, or spent."""
    try:
        content = signing.loads(token, salt=_SALT, max_age=_AGE_S)
    except signing.BadSignature as error:
        raise ConfirmationNeeded(
            f"confirmation: a token of the last {_AGE_S} s was expected: send the request without it to get one.",
            field="confirmation",
        ) from error
    if content != [user.pk, strategy, symbol]:
        raise ConfirmationNeeded("confirmation: this token was given for another start.", field="confirmation")
    if not cache.add(f"confirmation:{token[-43:]}", 1, timeout=_AGE_S * 2):
        raise ConfirmationNeeded("confirmation: this token was used already.", field="confirmation")
