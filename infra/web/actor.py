"""Who acts, as packages see it that may not know the accounts' model."""

from typing import Protocol, cast

from django.contrib.auth import get_user_model

from engine.errors import NotFound


class Actor(Protocol):
    """A person with an account. `users.models.User` is one."""

    @property
    def pk(self) -> int: ...

    @property
    def email(self) -> str: ...

    def has_perm(self, perm: str) -> bool: ...


def actor_of(email: str) -> Actor:
    """The active account of that address."""
    found = get_user_model().objects.filter(email=email.strip().lower(), is_active=True).first()
    if found is None:
        raise NotFound(f"There is no active account {email!r}; ./run manage person list shows them.", field="by")
    return cast("Actor", found)
