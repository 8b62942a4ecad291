"""One machine, one user: debug pages on request, a secret of its own, static files straight from the source."""

from fortified.settings.base import *  # noqa: F403
from fortified.settings.base import SIMPLE_JWT
from fortified.settings.environment import env
from fortified.settings.secrets import development_secret

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = development_secret("SECRET_KEY")
SIMPLE_JWT["SIGNING_KEY"] = development_secret("JWT_SECRET")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # looks files up when asked for: no scan at the start, edits show at once
