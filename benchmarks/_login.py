"""A viewer for benchmarks that look at pages; needs Django to be set up."""

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from users.models import User


def logged_in() -> str:
    """The key of a session of somebody who may look at everything."""
    user = User.objects.create_user("bench@example.com", "not a secret of anybody")
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)
