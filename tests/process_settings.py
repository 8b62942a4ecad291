"""Settings of processes that a test starts: the test's own database and Redis, real channel layer."""

import os

from fortified.settings.test import *  # noqa: F403

REDIS_URL = os.environ["TEST_REDIS_URL"]
CELERY_BROKER_URL = REDIS_URL
CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}}
