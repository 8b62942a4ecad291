"""One mapping from our errors to HTTP: {code, detail, field}."""

import logging
from typing import Any

from redis import RedisError
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback
from rest_framework.views import exception_handler as rest_handler

from engine.errors import Conflict, FortifiedError, InvalidInput, NotFound
from engine.registry import DuplicateName

logger = logging.getLogger(__name__)

# By class, so that a more precise code keeps its meaning.
_STATUS: tuple[tuple[type[FortifiedError], int], ...] = (
    (InvalidInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (DuplicateName, 409),
)
_UNEXPECTED = 500
_RETRYABLE = 503


def status_of(error: FortifiedError) -> int:
    """The HTTP status of one of ours; a retryable one of no known kind is 503."""
    known = (status for kind, status in _STATUS if isinstance(error, kind))
    return next(known, _RETRYABLE if error.retryable else _UNEXPECTED)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: ours and the framework's errors leave in one form; anything else is a 500 with a traceback."""
    if isinstance(error, FortifiedError):
        set_rollback()
        return Response({"code": error.code, "detail": error.detail, "field": error.field}, status=status_of(error))
    if isinstance(error, RedisError):
        logger.error("Redis does not answer: %s", error)
        detail = "Redis does not answer; what was asked for may not have been passed on. Try again."
        return Response({"code": "redis_unavailable", "detail": detail, "field": None}, status=_RETRYABLE)
    response = rest_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        field, detail = _first(error.detail)
        response.data = {"code": "invalid_input", "detail": detail, "field": field, "errors": error.detail}
    elif isinstance(error, exceptions.APIException):
        code = error.get_codes() if isinstance(error.detail, str) else error.default_code
        response.data = {"code": code, "detail": _text(error.detail), "field": None}
    else:  # Django's Http404 and PermissionDenied
        code = "not_found" if response.status_code == 404 else "forbidden"
        response.data = {"code": code, "detail": _text(response.data), "field": None}
    return response


class NoSuchRoute(APIView):
    """What answers below /api/ where nothing else does: programs get an error in the form they know, not a page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(f"There is no {request.method} /api/{kwargs['path']}; /api/docs lists what there is.")


def _first(detail: Any, path: str = "") -> tuple[str | None, str]:
    """Path and sentence of the first wrong field of a validation error."""
    if isinstance(detail, dict) and detail:
        key, value = next(iter(detail.items()))
        name = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
        return _first(value, name)
    if isinstance(detail, list) and detail:
        return _first(detail[0], path)
    return path or None, str(detail)


def _text(detail: Any) -> str:
    if isinstance(detail, dict):
        return str(detail.get("detail", detail))
    return str(detail)
