"""Routes of the brokers, below /api/."""

from django.urls import path

from brokers import login_api as login
from brokers.api import BrokerFeatures

urlpatterns = [
    path("brokers/features", BrokerFeatures.as_view(), name="api-broker-features"),
    path("brokers/status", login.Statuses.as_view(), name="api-broker-statuses"),
    path("brokers/<slug:broker>/authorize", login.Authorize.as_view(), name="api-broker-authorize"),
    path("brokers/<slug:broker>/token", login.Token.as_view(), name="api-broker-token"),
    path("brokers/<slug:broker>/refresh", login.Refresh.as_view(), name="api-broker-refresh"),
    path("brokers/<slug:broker>/callback", login.Callback.as_view(), name="api-broker-callback"),
    path("brokers/<slug:broker>/status", login.Status.as_view(), name="api-broker-status"),
    path("brokers/<slug:broker>/disconnect", login.Disconnect.as_view(), name="api-broker-disconnect"),
    path("brokers/<slug:broker>/accounts", login.Accounts.as_view(), name="api-broker-accounts"),
    # The same in the older dialect, which names the broker in the route.
    path("schwab/authorize-url", login.Authorize.as_view(broker="schwab"), name="api-schwab-authorize"),
    path("schwab/access-token", login.Token.as_view(broker="schwab"), name="api-schwab-token"),
    path("schwab/refresh-token", login.Refresh.as_view(broker="schwab"), name="api-schwab-refresh"),
    path("tasty/authorize-url", login.Authorize.as_view(broker="tastytrade"), name="api-tasty-authorize"),
    path("tasty/access-token", login.Token.as_view(broker="tastytrade"), name="api-tasty-token"),
    path("tasty/refresh-token", login.Refresh.as_view(broker="tastytrade"), name="api-tasty-refresh"),
]
