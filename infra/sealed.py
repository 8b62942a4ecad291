"""Secrets at rest: sealed with a key from the environment, and opened with that one or its predecessor."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from engine.errors import FortifiedError

_PURPOSE = b"fortified sealed secrets"


class SealBroken(FortifiedError):
    """A stored secret cannot be read with this installation's key."""

    code = "seal_broken"


def seal(secret: str) -> str:
    """`secret` encrypted and authenticated; each call gives another text."""
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret behind `seal`'s text; `SealBroken` where the key has changed since."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken("a stored secret was sealed with another TOKEN_KEY or SECRET_KEY; enter it again") from error


def reseal(sealed: str) -> str:
    """The same secret sealed with the newest key; `SealBroken` where no key opens it."""
    return seal(unseal(sealed))


def _fernet() -> MultiFernet:
    """The first key seals. Those made of SECRET_KEY come last: they served before TOKEN_KEY was set."""
    keys: tuple[str, ...] = (*settings.TOKEN_KEYS, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return _fernets(keys)


@lru_cache(maxsize=4)
def _fernets(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(derive.derive(key.encode()))
