"""Settings of the Celery workers and of beat; `celery_app.py` reads them with the prefix CELERY_."""

from celery.schedules import crontab

from fortified.settings.storage import REDIS_URL

CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

# Feeds and traders run for days: acknowledged when they begin, never timed out, never handed out a second time by
# the broker. Who runs what is decided by leases, not by redelivery.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_TIME_LIMIT = None
CELERY_TASK_SOFT_TIME_LIMIT = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 7 * 24 * 3600, "global_keyprefix": "celery:"}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A worker whose processes are all busy takes nothing more, so a task never waits behind a loop that does not end.
CELERY_WORKER_DISABLE_PREFETCH = True

CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "marketdata.tasks.run_feed": {"queue": "feeds"},
    "trading.tasks.run_trader": {"queue": "traders"},
    "backtest.tasks.tend_studies": {"queue": "default"},
    "backtest.tasks.start_due_studies": {"queue": "default"},
    "backtest.tasks.finalize_*": {"queue": "finalize"},
    "backtest.tasks.*": {"queue": "backtests"},
    "discovery.tasks.tend_searches": {"queue": "default"},
    "discovery.tasks.*": {"queue": "discovery"},
    "discovery.lifecycle.tasks.check_rule": {"queue": "discovery"},
}
CELERY_IMPORTS = ("marketdata.history_tasks", "discovery.lifecycle.tasks")
_HISTORY = CELERY_IMPORTS[0]
CELERY_BEAT_SCHEDULER = "infra.beat:Scheduler"
# A look that waited longer than until the next one is not needed any more.
CELERY_BEAT_SCHEDULE = {
    "supervise": {"task": "trading.tasks.supervise", "schedule": 2.0, "options": {"expires": 4}},
    "tend-studies": {"task": "backtest.tasks.tend_studies", "schedule": 5.0, "options": {"expires": 8}},
    "tend-searches": {"task": "discovery.tasks.tend_searches", "schedule": 5.0, "options": {"expires": 8}},
    "tend-rules": {"task": "discovery.lifecycle.tasks.tend_rules", "schedule": 5.0, "options": {"expires": 4}},
    # Sums over the ledger: every few minutes says as much as every trade would.
    "score-rules": {"task": "discovery.lifecycle.tasks.score_rules", "schedule": 300.0, "options": {"expires": 240}},
    "due-studies": {"task": "backtest.tasks.start_due_studies", "schedule": crontab(minute=5)},
    "poll-universe": {"task": "trading.tasks.poll_universe", "schedule": 60.0, "options": {"expires": 55}},
    "archive-bars": {"task": f"{_HISTORY}.archive_bars", "schedule": 120.0, "options": {"expires": 110}},
    "continue-backfills": {"task": f"{_HISTORY}.continue_backfills", "schedule": 45.0, "options": {"expires": 40}},
    "send-notices": {"task": "notifications.tasks.send_due", "schedule": 5.0, "options": {"expires": 5}},
    "follow-schedules": {"task": "trading.tasks.follow_schedules", "schedule": 10.0, "options": {"expires": 9}},
    "watch-over": {"task": "trading.tasks.watch_over", "schedule": 15.0, "options": {"expires": 14}},
    "forget-notices": {"task": "notifications.tasks.forget", "schedule": crontab(hour=5, minute=30)},
    "refresh-tokens": {"task": "brokers.tasks.refresh_tokens", "schedule": 20.0, "options": {"expires": 18}},
    # After the last close in New York, summer and winter.
    "nightly-backfill": {"task": f"{_HISTORY}.nightly_backfill", "schedule": crontab(hour=2, minute=10)},
    "nightly-compare": {"task": f"{_HISTORY}.nightly_compare", "schedule": crontab(hour=4, minute=10)},
    # When the futures' day is over in New York, summer and winter.
    "roll-futures": {"task": f"{_HISTORY}.roll_futures", "schedule": crontab(hour=22, minute=20, day_of_week="1-5")},
    "compare-sessions": {"task": "trading.tasks.compare_sessions", "schedule": crontab(hour=4, minute=40)},
    "forget-recordings": {"task": "trading.tasks.forget_recordings", "schedule": crontab(hour=5, minute=20)},
    "retention": {"task": f"{_HISTORY}.retention", "schedule": crontab(hour=5, minute=10)},
}
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
