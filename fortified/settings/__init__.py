"""Settings of the product, chosen by `ENVIRONMENT`: development (the default), test or production."""

from fortified.settings.environment import ENVIRONMENT

if ENVIRONMENT == "production":
    from fortified.settings.production import *  # noqa: F403
elif ENVIRONMENT == "test":
    from fortified.settings.test import *  # noqa: F403
else:
    from fortified.settings.development import *  # noqa: F403
