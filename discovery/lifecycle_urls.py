"""Routes of the life of rules, below those of discovery."""

from django.urls import path

from discovery import lifecycle_api as api

urlpatterns = [
    path("discovery/rules", api.Rules.as_view(), name="discovered-rules"),
    path("discovery/rules/survival", api.Survival.as_view(), name="rule-survival"),
    path("discovery/rules/<int:rule>/life", api.Life.as_view(), name="rule-life"),
    path("discovery/rules/<int:rule>/validate", api.Validate.as_view(), name="rule-validate"),
    path("discovery/rules/<int:rule>/campaign", api.Campaign.as_view(), name="rule-campaign"),
    path("discovery/rules/<int:rule>/promote", api.Promote.as_view(), name="rule-promote"),
    path("discovery/rules/<int:rule>/demote", api.Demote.as_view(), name="rule-demote"),
    path("discovery/rules/<int:rule>/reject", api.Reject.as_view(), name="rule-reject"),
]
