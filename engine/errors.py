"""The error tree of the whole product: one base, a machine code, a sentence for people."""


class FortifiedError(Exception):
    """Base of our errors.

    `code` is for machines and stable, `detail` is for people and says what was expected and what was found.
    `field` names the input that is wrong, where there is one. `retryable` decides whether a caller may try again.
    """

    code = "error"
    retryable = False

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidInput(FortifiedError):
    """A value from outside is not what was expected; nothing was changed."""

    code = "invalid_input"


class NotFound(FortifiedError):
    """The thing asked for does not exist."""

    code = "not_found"


class Conflict(FortifiedError):
    """The request is well formed, but the present state forbids it."""

    code = "conflict"


class InvariantBroken(FortifiedError):
    """The engine contradicts itself. The process must end: starting again is recovering."""

    code = "invariant_broken"


class SnapshotIncompatible(FortifiedError):
    """A stored snapshot was made by another version or another configuration."""

    code = "snapshot_incompatible"
