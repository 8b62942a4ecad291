"""Real money: everything secret is demanded, everything insecure is refused."""

from fortified.settings.base import *  # noqa: F403
from fortified.settings.base import SIMPLE_JWT
from fortified.settings.environment import env, integer, refuse
from fortified.settings.secrets import production_secret

SECRET_KEY = production_secret("SECRET_KEY")
SIMPLE_JWT["SIGNING_KEY"] = production_secret("JWT_SECRET")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
    refuse("ALLOWED_HOSTS", "the host names people use were expected, such as trade.example.com.")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[f"https://{host}" for host in ALLOWED_HOSTS])

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^api/health$"]  # probes come from inside, without TLS
SECURE_HSTS_SECONDS = integer("SECURE_HSTS_SECONDS", 365 * 24 * 3600, minimum=1)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
X_FRAME_OPTIONS = "DENY"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
