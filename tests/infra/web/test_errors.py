"""Every error leaves in one form: code, detail, field."""

import pytest
import redis
from django.http import Http404
from rest_framework import exceptions

from engine.errors import Conflict, FortifiedError, InvalidInput, NotFound
from infra.web.errors import exception_handler


class Locked(Conflict):
    code = "locked"


class VenueAway(FortifiedError):
    code = "venue_away"
    retryable = True


@pytest.mark.parametrize(
    ("error", "status", "code", "field"),
    [
        (InvalidInput("fast: 0 < 1", field="fast"), 400, "invalid_input", "fast"),
        (NotFound("none", field="symbol"), 404, "not_found", "symbol"),
        (Conflict("runs already"), 409, "conflict", None),
        (Locked("no"), 409, "locked", None),
        (VenueAway("no answer"), 503, "venue_away", None),
        (FortifiedError("what"), 500, "error", None),
        (exceptions.ValidationError({"config": {"quantity": ["A number is needed."]}}), 400, "invalid_input", "config.quantity"),  # noqa: E501
        (exceptions.ValidationError({"non_field_errors": ["Too much."]}), 400, "invalid_input", None),
        (exceptions.NotAuthenticated(), 401, "not_authenticated", None),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed", None),
        (redis.ConnectionError("refused"), 503, "redis_unavailable", None),
        (Http404(), 404, "not_found", None),
    ],
)  # fmt: skip
def test_errors_have_one_form(error, status, code, field):
    answer = exception_handler(error, {})
    assert answer is not None
    assert (answer.status_code, answer.data["code"], answer.data["field"]) == (status, code, field)
    assert isinstance(answer.data["detail"], str)


def test_a_bug_is_not_dressed_up_as_an_answer():
    assert exception_handler(ZeroDivisionError(), {}) is None
