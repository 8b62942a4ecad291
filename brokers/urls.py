"""Routes of the brokers, below /api/."""

from django.urls import path

from brokers.api import BrokerFeatures

urlpatterns = [path("brokers/features", BrokerFeatures.as_view(), name="api-broker-features")]
