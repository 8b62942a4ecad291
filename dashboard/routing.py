"""WebSocket routes."""

from django.urls import path, re_path

from backtest.consumers import StudyConsumer
from dashboard.consumers import BookConsumer, ChainConsumer, MarketConsumer
from discovery.consumers import FingerprintConsumer, MiningConsumer
from marketdata.consumers import ChartConsumer
from notifications.consumers import NoticesConsumer

websocket_urlpatterns = [
    re_path(r"^ws/book/(?P<book>[-\w]+)$", BookConsumer.as_asgi()),
    path("ws/chain/<str:symbol>", ChainConsumer.as_asgi()),
    path("ws/market", MarketConsumer.as_asgi()),
    path("ws/notices", NoticesConsumer.as_asgi()),
    path("ws/chart", ChartConsumer.as_asgi()),
    path("ws/backtests/<int:number>", StudyConsumer.as_asgi()),
    path("ws/discovery/fingerprints/<int:number>", FingerprintConsumer.as_asgi()),
    path("ws/discovery/mining/<int:number>", MiningConsumer.as_asgi()),
]
