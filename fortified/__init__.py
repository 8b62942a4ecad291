"""The Django project: settings, routes and the ASGI entry; everything else lives in the packages beside it."""

# Whoever loads the settings can send a task: without it, `delay` in a web process or a command would look for a
# broker that is not ours.
from celery_app import app as celery_app

__all__ = ("celery_app",)
