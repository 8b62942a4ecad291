"""The keys that sign sessions and tokens: demanded in production, made once on the first start elsewhere."""

import os
import secrets
from pathlib import Path

from fortified.settings.environment import VAR_DIR, env, refuse, required
from infra.logging import register_secret

# Values seen in samples and tutorials; none of them is a secret.
_DEFAULTS = ("changeme", "change-me", "secret", "django-insecure", "your-", "insecure", "default", "example")
_MINIMUM = 50  # what `check --deploy` asks for


def production_secret(name: str) -> str:
    """The secret `name`; a missing, short or well-known one ends the start-up."""
    value = required(name, "it signs sessions and tokens")
    if any(value.lower().startswith(word) for word in _DEFAULTS):
        refuse(name, "a secret of your own is required in production, found a well-known default.")
    if len(value) < _MINIMUM or len(set(value)) < 5:
        refuse(name, f"at least {_MINIMUM} characters of a random secret were expected, found {len(value)}.")
    register_secret(value)
    return value


def development_secret(name: str) -> str:
    """The secret `name`, or one kept in `var/secret_key` that is made on the first start."""
    value = env.str(name, default="") or _generated(VAR_DIR / "secret_key")
    register_secret(value)
    return f"{value}"


def _generated(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        draft.write_text(secrets.token_urlsafe(48))
        draft.chmod(0o600)
        try:
            os.link(draft, path)  # fails where another process was first: theirs counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
