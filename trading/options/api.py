"""Option chains over HTTP."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from infra.web.permissions import allowed_by
from trading.options.boards import chain_now


class ChainView(APIView):
    """The chain around the money that expires today (while no session is open: the next one's), with the contract
    that a wish would buy now and why. What is not known is null, and `words` say what state this is."""

    permission_classes = (allowed_by("trading.view_book"),)

    @extend_schema(
        operation_id="option_chain",
        parameters=[OpenApiParameter("source", OpenApiTypes.STR, description="One of `sources`; empty: the first.")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, symbol: str) -> Response:
        return Response(chain_now(symbol, request.query_params.get("source", "")))
