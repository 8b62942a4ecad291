"""Making accounts, giving them roles, changing passwords."""

import logging
import secrets

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from engine.errors import Conflict, InvalidInput
from users.models import User
from users.roles import Role

logger = logging.getLogger(__name__)

DEMO_EMAIL = "demo@fortified.local"


def create_user(*, email: str, password: str, role: Role | str = Role.VIEWER, name: str = "") -> User:
    """A new account in the group of `role`; `InvalidInput` names the field, `Conflict` an address that is taken."""
    address = _address(email)
    if User.objects.filter(email=address).exists():
        raise Conflict(f"email: there is an account for {address} already.", field="email")
    _check_password(password, User(email=address, name=name))
    with transaction.atomic():
        user = User.objects.create_user(address, password, name=name)
        set_role(user=user, role=role)
    return user


def set_role(*, user: User, role: Role | str) -> None:
    """`user` holds exactly `role`; traders and admins may open the admin pages."""
    try:
        wanted = Role(role)
    except ValueError:
        expected = ", ".join(Role)
        raise InvalidInput(f"role: one of {expected} was expected, found {role!r}.", field="role") from None
    user.groups.set([Group.objects.get(name=wanted.value)])
    user.is_staff = wanted is not Role.VIEWER
    user.save(update_fields=["is_staff"])


def set_active(*, user: User, is_active: bool) -> None:
    """Whether `user` may log in; tokens and sessions of one who may not are worth nothing at once."""
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    logger.warning("Account %s was %s.", user.pk, "activated" if is_active else "deactivated")


def change_password(*, user: User, current_password: str, new_password: str) -> None:
    """A new password for `user`, who proves to know the present one. Tokens issued before stop working."""
    if not user.check_password(current_password):
        raise InvalidInput("current_password: is not the password of this account.", field="current_password")
    _check_password(new_password, user)
    user.set_password(new_password)
    user.save(update_fields=["password"])
    logger.info("The password of account %s was changed.", user.pk)


def create_demo_user() -> tuple[User, str]:
    """The account of the demo and its password, made on the first call; never in production."""
    if settings.ENVIRONMENT == "production":
        raise Conflict("The demo account is not made in production: its password is printed at every start.")
    password = _demo_password()
    user = User.objects.filter(email=DEMO_EMAIL).first() or User.objects.create_user(DEMO_EMAIL, name="Demo")
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    set_role(user=user, role=Role.ADMIN)
    return user, password


def _demo_password() -> str:
    if settings.DEMO_PASSWORD:
        return str(settings.DEMO_PASSWORD)
    path = settings.VAR_DIR / "demo_password"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return str(path.read_text().strip())


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidInput(f"email: an e-mail address was expected, found {email!r}.", field="email") from None
    return address


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(f"new_password: {' '.join(error.messages)}", field="new_password") from None
