"""The life of rules over HTTP: how they are, and what people do to them."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from discovery.api import CanRead, RuleLine
from discovery.lifecycle import selectors, services
from discovery.models import DiscoveredRule, Promotion, RuleCheck
from infra.web.paging import PAGE_PARAMETERS, page_of, paged
from infra.web.permissions import allowed_by
from trading.api import unconfirmed
from trading.book_services import book_of
from trading.models import Book
from users.models import User

CanPromote = allowed_by(services.PERMISSION)


class HealthPoint(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    score = serializers.FloatField(allow_null=True)
    trades = serializers.IntegerField()


class RulePromotion(serializers.Serializer[Any]):
    """A time in the market, and how well it went."""

    slot = serializers.CharField(help_text="The name under which it trades.")
    book = serializers.CharField()
    mode = serializers.CharField()
    is_running = serializers.BooleanField()
    tag = serializers.CharField()
    exits = serializers.DictField()
    p_corrected = serializers.FloatField(allow_null=True)
    by = serializers.CharField()
    began_at = serializers.DateTimeField()
    degraded_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    position = serializers.CharField(help_text="What became of its position: exits, flatten, or empty.")
    verdict = serializers.CharField(help_text="unknown, healthy, doubtful or ill.")
    score = serializers.FloatField(allow_null=True, help_text="0 to 100; null where few trades say nothing.")
    trades = serializers.IntegerField()
    scores = HealthPoint(many=True)


class RuleLifeLine(RuleLine):
    """One rule with where it trades now; `present` is null where it does not."""

    present = serializers.SerializerMethodField()

    class Meta(RuleLine.Meta):
        fields = (*RuleLine.Meta.fields, "version", "present")

    @extend_schema_field(RulePromotion(allow_null=True))
    def get_present(self, rule: DiscoveredRule) -> dict[str, Any] | None:
        found = selectors.present(rule)
        return None if found is None else dict(RulePromotion(found).data)


class RuleCheckOutput(serializers.ModelSerializer[RuleCheck]):
    """A validation or a campaign; `is_good` is null until it has ended."""

    class Meta:
        model = RuleCheck
        fields = (
            "id", "rule", "kind", "state", "is_good", "text", "result", "study", "error", "created_at", "finished_at",
        )  # fmt: skip


class RuleStep(serializers.Serializer[Any]):
    to = serializers.CharField()
    refused = serializers.CharField(allow_blank=True, help_text="Why not; empty where it may.")


class RuleStepTaken(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    before = serializers.CharField()
    after = serializers.CharField()
    why = serializers.CharField()
    by = serializers.CharField(help_text="Empty: the product itself.")
    at = serializers.DateTimeField()


class RuleCheckLine(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    is_good = serializers.BooleanField(allow_null=True)
    text = serializers.CharField()
    study = serializers.IntegerField(allow_null=True)
    asked_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RuleLife(serializers.Serializer[Any]):
    """What happened to a rule, newest first, and what it may become."""

    rule = serializers.IntegerField()
    state = serializers.CharField()
    version = serializers.IntegerField()
    steps = RuleStep(many=True)
    changes = RuleStepTaken(many=True)
    checks = RuleCheckLine(many=True)
    promotions = RulePromotion(many=True)
    health = serializers.DictField(help_text="The newest score with a reason for every part; empty before the first.")


class SurvivalPoint(serializers.Serializer[Any]):
    days = serializers.FloatField()
    at_risk = serializers.IntegerField()
    ended = serializers.IntegerField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class SurvivalOutput(serializers.Serializer[Any]):
    """The share of promoted rules that are neither degraded nor demoted after so many days, with its 95 % band."""

    promoted = serializers.IntegerField()
    ended = serializers.IntegerField()
    median_days = serializers.FloatField(allow_null=True)
    longest_days = serializers.FloatField(allow_null=True)
    points = SurvivalPoint(many=True)


class CampaignInput(serializers.Serializer[Any]):
    start = serializers.DateField(required=False, default=None, allow_null=True, help_text="Included.")
    end = serializers.DateField(required=False, default=None, allow_null=True, help_text="Included.")


class PromoteInput(serializers.Serializer[Any]):
    tag = serializers.ChoiceField(choices=DiscoveredRule.Tag.choices)
    book = serializers.CharField(max_length=32, required=False, default="", help_text="paper, if not given; or live.")
    quantities = serializers.DictField(
        child=serializers.CharField(), required=False, default=dict, help_text="Account → quantity."
    )
    confirmation = serializers.CharField(
        max_length=512,
        required=False,
        default="",
        allow_blank=True,
        help_text="From the first answer; real money only.",
    )


class DemoteInput(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=400)
    position = serializers.ChoiceField(
        choices=Promotion.Position.choices, required=False, default="", help_text="Else as the settings say."
    )


class RejectInput(serializers.Serializer[Any]):
    why = serializers.CharField(max_length=400)


class Rules(APIView):
    """Every rule, what trades first."""

    permission_classes = (CanRead,)

    @extend_schema(
        operation_id="discovery_rules_list",
        parameters=[*PAGE_PARAMETERS, OpenApiParameter("state", str, enum=DiscoveredRule.State.values)],
        responses=paged(RuleLifeLine),
    )
    def get(self, request: Request) -> Response:
        return Response(page_of(selectors.rules(state=request.query_params.get("state", "")), request, RuleLifeLine))


class Life(APIView):
    """What happened to one rule, and what it may become."""

    permission_classes = (CanRead,)

    @extend_schema(responses=RuleLife)
    def get(self, request: Request, rule: int) -> Response:
        return _life(request, rule)


class Survival(APIView):
    """How long rules last once they are promoted."""

    permission_classes = (CanRead,)

    @extend_schema(responses=SurvivalOutput)
    def get(self, request: Request) -> Response:
        return Response(SurvivalOutput(selectors.survival_document()).data)


class Validate(APIView):
    """Walk over the days that its search did not see; the answer is the check, whose end changes the rule."""

    permission_classes = (CanPromote,)

    @extend_schema(request=None, responses={202: RuleCheckOutput})
    def post(self, request: Request, rule: int) -> Response:
        check = services.ask_validation(user=_user(request), rule=services.get_rule(rule))
        return Response(RuleCheckOutput(check).data, status=202)


class Campaign(APIView):
    """A campaign over the given days, else over those that validated it."""

    permission_classes = (CanPromote,)

    @extend_schema(request=CampaignInput, responses={202: RuleCheckOutput})
    def post(self, request: Request, rule: int) -> Response:
        data = CampaignInput(data=request.data)
        data.is_valid(raise_exception=True)
        check = services.ask_campaign(user=_user(request), rule=services.get_rule(rule), **data.validated_data)
        return Response(RuleCheckOutput(check).data, status=202)


class Promote(APIView):
    """Let it trade, in the paper book unless one is named. Real money needs the confirmation that the first such
    request answers with."""

    permission_classes = (CanPromote,)

    @extend_schema(request=PromoteInput, responses=RuleLife)
    def post(self, request: Request, rule: int) -> Response:
        data = PromoteInput(data=request.data)
        data.is_valid(raise_exception=True)
        values, user, found = data.validated_data, _user(request), services.get_rule(rule)
        book = book_of(values["book"]) if values["book"] else None
        if book is not None and book.mode == Book.Mode.LIVE:
            asked = unconfirmed(user, values["confirmation"], strategy=services.slot_of(found), symbol=found.symbol)
            if asked:
                return asked
        services.promote(found, user=user, tag=values["tag"], book=book, quantities=values["quantities"])
        return _life(request, rule)


class Demote(APIView):
    """Out of the market at once; what it holds is closed by its exits, or flattened."""

    permission_classes = (CanPromote,)

    @extend_schema(request=DemoteInput, responses=RuleLife)
    def post(self, request: Request, rule: int) -> Response:
        data = DemoteInput(data=request.data)
        data.is_valid(raise_exception=True)
        services.demote(services.get_rule(rule), user=_user(request), **data.validated_data)
        return _life(request, rule)


class Reject(APIView):
    """A person does not want it."""

    permission_classes = (CanPromote,)

    @extend_schema(request=RejectInput, responses=RuleLife)
    def post(self, request: Request, rule: int) -> Response:
        data = RejectInput(data=request.data)
        data.is_valid(raise_exception=True)
        services.reject(services.get_rule(rule), user=_user(request), **data.validated_data)
        return _life(request, rule)


def _life(request: Request, rule: int) -> Response:
    return Response(RuleLife(selectors.life(services.get_rule(rule), user=_user(request))).data)


def _user(request: Request) -> User:
    return cast("User", request.user)
