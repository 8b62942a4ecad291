"""Searches for rules over HTTP: start, watch, cancel, and look at what they found."""

from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backtest.api import document_of, person
from discovery import jobs, services
from discovery.lifecycle.steps import get_rule
from discovery.models import DiscoveredRule, MiningRun
from discovery.shown import exits_text
from engine.exits.config import ExitConfig
from engine.rules.rule import parse_rules, rules_json
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by

CanRead = allowed_by("discovery.view_miningrun", "discovery.view_discoveredrule")
CanMine = allowed_by("discovery.add_miningrun")


class MiningRunLine(serializers.ModelSerializer[MiningRun]):
    """One search in a list."""

    found = serializers.IntegerField(read_only=True)
    passed = serializers.IntegerField(read_only=True)

    class Meta:
        model = MiningRun
        fields = (
            "id", "name", "symbol", "timeframe", "state", "done", "total", "trials", "found", "passed", "error",
            "created_at", "finished_at",
        )  # fmt: skip


class MiningRunOutput(serializers.ModelSerializer[MiningRun]):
    """One search; `stages` grow while it runs, `result` is there when it is done."""

    class Meta:
        model = MiningRun
        fields = (
            "id", "name", "symbol", "timeframe", "state", "is_cancelling", "spec", "done", "total", "attempts", "bars",
            "days", "dataset", "versions", "trials", "earlier_trials", "stages", "result", "error", "seconds",
            "created_at", "started_at", "finished_at",
        )  # fmt: skip


class RuleLine(serializers.ModelSerializer[DiscoveredRule]):
    """One rule in a list; `chance` says in words what speaks against it."""

    chance = serializers.CharField(read_only=True)

    class Meta:
        model = DiscoveredRule
        fields: tuple[str, ...] = (
            "id", "run", "rank", "name", "symbol", "timeframe", "side", "text", "source", "state", "tag", "score",
            "quality_score", "in_sample", "out_of_sample", "trials", "p_searched", "p_corrected", "chance", "suspicion",
            "passes",
        )  # fmt: skip


class RuleOutput(RuleLine):
    """One rule with its exits, its five sub-scores, its worst trades and the capital that it needs; `params` are those
    of the strategy `rules`."""

    exits_text = serializers.SerializerMethodField()
    params = serializers.SerializerMethodField()

    class Meta(RuleLine.Meta):
        fields = (
            *RuleLine.Meta.fields, "conditions", "params", "exits", "exits_text", "quality", "anywhere", "folds",
            "p_judged", "reasons", "capital", "worst", "trades_digest", "notes", "created_at", "updated_at",
        )  # fmt: skip

    def get_exits_text(self, rule: DiscoveredRule) -> str:
        return exits_text(msgspec.convert(rule.exits, ExitConfig, strict=False))

    def get_params(self, rule: DiscoveredRule) -> dict[str, str]:
        return {"rules": rules_json(parse_rules([rule.conditions]))}


class MiningRuns(APIView):
    """Every search, newest first; POST starts one."""

    def get_permissions(self) -> list[Any]:
        return [CanMine()] if self.request.method == "POST" else [CanRead()]

    @extend_schema(operation_id="discovery_mining_list", parameters=PAGE_PARAMETERS, responses=paged(MiningRunLine))
    def get(self, request: Request) -> Response:
        return Response(page_of(counted().defer("spec", "stages", "result"), request, MiningRunLine))

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: MiningRunOutput})
    def post(self, request: Request) -> Response:
        run = services.create_run(user=person(request), document=document_of(request))
        return Response(MiningRunOutput(run).data, status=201)


class OneMiningRun(APIView):
    """One search with its stages and its result."""

    permission_classes = (CanRead,)

    @extend_schema(responses=MiningRunOutput)
    def get(self, request: Request, run: int) -> Response:
        return Response(MiningRunOutput(jobs.find(MiningRun, run)).data)


class CancelMiningRun(APIView):
    """End it; nothing that was found so far is kept."""

    permission_classes = (CanMine,)

    @extend_schema(request=None, responses=MiningRunOutput)
    def post(self, request: Request, run: int) -> Response:
        return Response(MiningRunOutput(services.cancel_run(number=run)).data)


class MiningRunRules(APIView):
    """The rules of a search, the best first."""

    permission_classes = (CanRead,)

    @extend_schema(operation_id="discovery_mining_rules", parameters=PAGE_PARAMETERS, responses=paged(RuleLine))
    def get(self, request: Request, run: int) -> Response:
        return Response(page_of(jobs.find(MiningRun, run).rules.order_by("rank"), request, RuleLine))


class NotesInput(serializers.Serializer[Any]):
    """What people remember of a rule."""

    notes = serializers.CharField(max_length=4_000, allow_blank=True)


class OneRule(APIView):
    """One rule with all that speaks for and against it; PATCH notes something on it."""

    def get_permissions(self) -> list[Any]:
        return [CanMine()] if self.request.method == "PATCH" else [CanRead()]

    @extend_schema(responses=RuleOutput)
    def get(self, request: Request, rule: int) -> Response:
        return Response(RuleOutput(get_rule(rule)).data)

    @extend_schema(request=NotesInput, responses=RuleOutput)
    def patch(self, request: Request, rule: int) -> Response:
        data = NotesInput(data=request.data)
        data.is_valid(raise_exception=True)
        return Response(RuleOutput(services.note_rule(number=rule, **data.validated_data)).data)


def counted() -> QuerySet[MiningRun]:
    """Every search with how many rules it found and how many of them passed."""
    passed = Count("rules", filter=Q(rules__passes=True))
    return MiningRun.objects.annotate(found=Count("rules"), passed=passed).order_by("-pk")
