"""The admin's face: what is steered first, what is looked up next, what is seldom touched last."""

from typing import Any

from django.urls import reverse_lazy


def _page(title: str, icon: str, name: str) -> dict[str, Any]:
    model = name.replace(".", "_")
    app, kind = name.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{kind}"),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Fortified",
    "SITE_HEADER": "Fortified",
    "SITE_SUBHEADER": "Configuration and records",
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Trading",
                "items": [
                    {"title": "Live page", "icon": "candlestick_chart", "link": "/", "active": lambda request: False},
                    _page("Tickers", "tune", "strategies.ticker"),
                    {
                        "title": "What strategies compute",
                        "icon": "account_tree",
                        "link": reverse_lazy("strategy-graph"),
                    },
                    _page("Books", "menu_book", "trading.book"),
                    _page("Runs", "play_circle", "trading.run"),
                    _page("Broker accounts", "account_balance", "brokers.brokeraccount"),
                    _page("Broker logins", "key", "brokers.brokertoken"),
                ],
            },
            {
                "title": "Records",
                "separator": True,
                "items": [
                    _page("Positions", "balance", "trading.position"),
                    _page("Trades", "sync_alt", "trading.trade"),
                    _page("Orders", "receipt_long", "trading.order"),
                    _page("Fills", "done_all", "trading.fill"),
                    _page("Decisions", "psychology", "trading.decision"),
                    _page("Commands", "terminal", "trading.commandrecord"),
                    _page("Journal", "history_edu", "trading.journalevent"),
                    _page("Ticker changes", "difference", "strategies.tickerchange"),
                ],
            },
            {
                "title": "Market data",
                "separator": True,
                "collapsible": True,
                "items": [
                    _page("Feeds", "cell_tower", "marketdata.feedsource"),
                    _page("Futures rolls", "event_repeat", "marketdata.futuresroll"),
                    _page("Backfills", "history", "marketdata.backfilljob"),
                    _page("Backfill depths", "straighten", "marketdata.backfilldepth"),
                    _page("Compared days", "rule", "marketdata.historyday"),
                ],
            },
            {
                "title": "Backtests",
                "separator": True,
                "collapsible": True,
                "items": [
                    _page("Studies", "science", "backtest.study"),
                    _page("Runs of studies", "table_rows", "backtest.backtestrun"),
                    _page("Study schedules", "event_repeat", "backtest.studyschedule"),
                    _page("Trials", "fact_check", "backtest.trial"),
                    _page("Certificates", "verified", "strategies.certificate"),
                ],
            },
            {
                "title": "People and schedules",
                "separator": True,
                "collapsible": True,
                "items": [
                    _page("Users", "person", "users.user"),
                    _page("Roles", "groups", "auth.group"),
                    _page("Strategy schedules", "alarm", "trading.strategyschedule"),
                    _page("Notification channels", "campaign", "notifications.channel"),
                    _page("Notices", "notifications", "notifications.notice"),
                    _page("Periodic tasks", "schedule", "django_celery_beat.periodictask"),
                ],
            },
        ],
    },
}
