"""The test suite: cheap passwords, a database file of its own for each process, never the user's Redis."""

import os
import tempfile
from pathlib import Path

from fortified.settings.base import *  # noqa: F403
from fortified.settings.base import DATABASES, SIMPLE_JWT
from fortified.settings.environment import env
from fortified.settings.storage import SQLITE_OPTIONS

SECRET_KEY = "only-for-the-test-suite-" + "0123456789abcdef"
SIMPLE_JWT["SIGNING_KEY"] = SECRET_KEY
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# A file, not memory: the journal writes from a thread of its own, and processes under test open it too.
_file = Path(tempfile.gettempdir()) / f"fortified-test-{os.getpid()}.sqlite3"
DATABASES["default"] = env.db("TEST_DATABASE_URL", default=f"sqlite:///{_file}")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    DATABASES["default"]["TEST"] = {"NAME": str(_file)}

FOLLOWS_LOG_LEVELS = False  # the levels of one test would be those of the next
# Nothing listens there: a test that needs Redis asks for the fixture `redis_url`, which starts a real one.
REDIS_URL = "redis://127.0.0.1:1/0"
CELERY_BROKER_URL = REDIS_URL
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "sessions": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
