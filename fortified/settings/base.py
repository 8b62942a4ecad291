"""Settings that every environment shares."""

import importlib.util
from datetime import timedelta
from pathlib import Path

from fortified.settings.admin import *  # noqa: F403
from fortified.settings.celery import *  # noqa: F403
from fortified.settings.environment import BASE_DIR as BASE_DIR
from fortified.settings.environment import ENVIRONMENT as ENVIRONMENT
from fortified.settings.environment import VAR_DIR as VAR_DIR
from fortified.settings.environment import choice, env, integer
from fortified.settings.history import *  # noqa: F403
from fortified.settings.mail import *  # noqa: F403
from fortified.settings.rules import *  # noqa: F403
from fortified.settings.storage import EMBEDDED_REDIS as EMBEDDED_REDIS
from fortified.settings.storage import EMBEDDED_REDIS_PORT_FILE as EMBEDDED_REDIS_PORT_FILE
from fortified.settings.storage import REDIS_URL as REDIS_URL
from fortified.settings.storage import caches, channel_layers, database
from fortified.settings.venues import *  # noqa: F403
from infra.logging import LEVELS, logging_config

DEBUG = False
PORT = integer("PORT", 8000, minimum=1)
STRATEGIES_DIR: str = env.str("STRATEGIES_DIR", default="")  # strategies of the user's own, one file each
ROOT_URLCONF = "fortified.urls"
ASGI_APPLICATION = "fortified.asgi.application"

# What the product is made of: `fortified/urls.py` takes the routes of those that have a `urls` module.
PRODUCT_APPS = [
    "users",
    "brokers",
    "strategies",
    "notifications",
    "marketdata",
    "simulators",
    "trading",
    "backtest",
    "discovery",
    "dashboard",
]
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "corsheaders",
    "channels",
    "django_celery_beat",
    "django_typer",
    "infra",
    *PRODUCT_APPS,
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- data -------------------------------------------------------------------------------------------------
DATABASES = {"default": database(env)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = channel_layers(REDIS_URL)
CACHES = caches(REDIS_URL)
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"  # the database holds them, Redis has them nearer
SESSION_CACHE_ALIAS = "sessions"

# Live mode against simulated brokers (`./run demo --live`): every page says so.
REHEARSAL = env.bool("REHEARSAL", default=False)

# ---- people -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.EmailBackend"]
LOGIN_FAILURES_PER_MINUTE = integer("LOGIN_FAILURES_PER_MINUTE", 10, minimum=1)
DEMO_PASSWORD = env.str("DEMO_PASSWORD", default="")  # empty: made once and kept in var/demo_password
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
JWT_EXPIRATION_MINUTES = integer("JWT_EXPIRATION_MINUTES", 60, minimum=1)
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=JWT_EXPIRATION_MINUTES),
    "REFRESH_TOKEN_LIFETIME": timedelta(minutes=max(JWT_EXPIRATION_MINUTES, 7 * 24 * 60)),
    "ALGORITHM": "HS256",
    "UPDATE_LAST_LOGIN": True,
    # A token dies with the password it was issued for: the claim is a digest of the stored hash, never the password.
    "CHECK_REVOKE_TOKEN": True,
}

# ---- API --------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["infra.web.parsers.JsonParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "infra.web.schema.PackageSchema",
    "EXCEPTION_HANDLER": "infra.web.errors.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Fortified",
    "DESCRIPTION": "Automated trading: configuration, control, positions, trades and their reasons.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "infra.web.schema.describe_errors",
    ],
    "ENUM_NAME_OVERRIDES": {
        "StudyState": "backtest.models.Study.State",
        "SearchState": "discovery.models.Job.State",
        "RuleState": "discovery.models.DiscoveredRule.State",
        "RuleSource": "discovery.models.DiscoveredRule.Source",
        "RuleTag": "discovery.models.DiscoveredRule.Tag",
        "KindEnum": "trading.models.Decision.Kind",
        "RuleCheckKind": "discovery.models.RuleCheck.Kind",
        "DemotedPosition": "discovery.models.Promotion.Position",
        "OrderState": "engine.model.enums.OrderState",
        "Side": ["buy", "sell"],
    },
}
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/.*$"

# ---- pages and static files -------------------------------------------------------------------------------
_charts = importlib.util.find_spec("lightweight_charts")  # located, never imported: it drags pandas in
CHARTS_FOLDER = Path(_charts.origin).parent / "js" if _charts and _charts.origin else None
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "staticfiles"
STATICFILES_DIRS = [
    *([BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []),
    *([("vendor/lightweight-charts", CHARTS_FOLDER)] if CHARTS_FOLDER else []),
    ("report", BASE_DIR / "backtest" / "report" / "assets"),  # a page draws its curves as reports do
]

# ---- time, language, logs ---------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"
LOG_LEVEL = choice("LOG_LEVEL", "INFO", LEVELS, upper=True)
FOLLOWS_LOG_LEVELS = True  # what `./run manage loglevel` chooses reaches running processes
LOGGING = logging_config(LOG_LEVEL)
DT_RICH_TRACEBACK_CONFIG = False  # boxes drawn around a traceback cannot be grepped in a log

# ---- wiring between sibling packages ----------------------------------------------------------------------
# `strategies` and `brokers` may not import each other: who says what quantity a venue takes is named here.
QUANTITY_CHECK = "brokers.services.check_quantity"
ACCOUNT_NAMES = "brokers.services.account_names"
DEFAULT_ACCOUNT = "paper"  # what a plain `quantity` in a request means
