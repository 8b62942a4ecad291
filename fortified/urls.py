"""Routes: the admin, the API of every package that has one, and the pages."""

from importlib.util import find_spec

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from infra.web.errors import NoSuchRoute
from infra.web.health import HealthView
from infra.web.metrics import MetricsView

# The pages own the root and mount themselves there; every other package answers below /api/.
_API_APPS = [app for app in settings.PRODUCT_APPS if app != "dashboard"]

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("api/health", HealthView.as_view(), name="health"),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("docs", SpectacularSwaggerView.as_view(url_name="schema")),
    *[path("api/", include(f"{app}.urls")) for app in _API_APPS if find_spec(f"{app}.urls")],
]
if find_spec("marketdata.short_urls"):
    urlpatterns.append(path("", include("marketdata.short_urls")))
if find_spec("dashboard.urls"):
    urlpatterns.append(path("", include("dashboard.urls")))
urlpatterns.append(re_path(r"^api/(?P<path>.*)$", NoSuchRoute.as_view()))
