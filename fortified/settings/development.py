"""One machine, one user: debug pages on request, a secret of its own, static files straight from the source."""

from urllib.parse import urlsplit

from fortified.settings.base import *  # noqa: F403
from fortified.settings.base import SIMPLE_JWT
from fortified.settings.environment import env, refuse
from fortified.settings.secrets import development_secret
from fortified.settings.venues import ALPACA_API_URL, ALPACA_STREAM_URL

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = development_secret("SECRET_KEY")
SIMPLE_JWT["SIGNING_KEY"] = development_secret("JWT_SECRET")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
for _name, _address in (("ALPACA_API_URL", ALPACA_API_URL), ("ALPACA_STREAM_URL", ALPACA_STREAM_URL)):
    if urlsplit(_address).hostname == "api.alpaca.markets":
        refuse(_name, "with ENVIRONMENT=development the practice account was expected, found the one with real money.")

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # looks files up when asked for: no scan at the start, edits show at once
