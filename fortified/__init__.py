"""The Django project: settings, routes and the ASGI entry; everything else lives in the packages beside it."""
