"""Who acts, as packages see it that may not know the accounts' model."""

from typing import Protocol


class Actor(Protocol):
    """A person with an account. `users.models.User` is one."""

    @property
    def pk(self) -> int: ...

    @property
    def email(self) -> str: ...

    def has_perm(self, perm: str) -> bool: ...
