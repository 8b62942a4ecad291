"""Settings of the mail server that messages to people leave through."""

from fortified.settings.environment import choice, env, integer
from infra.logging import register_secret

EMAIL_HOST: str = env.str("EMAIL_HOST", default="")
_SECURITY = choice("EMAIL_SECURITY", "starttls", ("starttls", "ssl", "none"))
EMAIL_USE_TLS = _SECURITY == "starttls"
EMAIL_USE_SSL = _SECURITY == "ssl"
EMAIL_PORT = integer("EMAIL_PORT", {"starttls": 587, "ssl": 465, "none": 25}[_SECURITY], minimum=1)
EMAIL_HOST_USER: str = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD: str = env.str("EMAIL_HOST_PASSWORD", default="")
register_secret(EMAIL_HOST_PASSWORD)
DEFAULT_FROM_EMAIL: str = env.str("EMAIL_FROM", default="") or EMAIL_HOST_USER or "fortified@localhost"
EMAIL_SUBJECT: str = env.str("EMAIL_SUBJECT", default="Fortified")  # which of several installations it is
NOTIFIER = "notifications.services.receive"  # who tells people what `infra.notices` is given
