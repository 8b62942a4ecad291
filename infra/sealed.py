"""Secrets at rest: sealed with a key derived from the installation's secret key."""

import base64

from cryptography.fernet import Fernet, InvalidToken
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
        raise SealBroken("a stored secret was sealed with another SECRET_KEY; enter it again") from error


def _fernet() -> Fernet:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return Fernet(base64.urlsafe_b64encode(derive.derive(settings.SECRET_KEY.encode())))
