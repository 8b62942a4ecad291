"""What the API's description says of every route alike: the package that answers, and the form of an error."""

from typing import Any

from drf_spectacular.openapi import AutoSchema

_NAMES = {"infra": "health", "rest_framework_simplejwt": "users", "dashboard": "pages"}
_PROBLEM = {
    "type": "object",
    "description": "What every error looks like.",
    "properties": {
        "code": {"type": "string", "description": "The kind, for programs."},
        "detail": {"type": "string", "description": "What was expected and what was found, for people."},
        "field": {"type": "string", "nullable": True, "description": "The path of the field that is wrong."},
        "errors": {"description": "Every wrong field, where a request's form was wrong."},
    },
    "required": ["code", "detail", "field"],
}


class PackageSchema(AutoSchema):
    """A route's tag is its package: the paths of this API have no common beginnings to group by."""

    def get_tags(self) -> list[str]:
        package = type(self.view).__module__.split(".")[0]
        return [_NAMES.get(package, package)]


def describe_errors(result: dict[str, Any], **context: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: whatever a route does not list is `Problem`, the form `infra.web.errors` gives it."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    for item in result["paths"].values():
        for operation in item.values():
            operation["responses"]["default"] = {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                "description": "Refused, or not possible now.",
            }
    return result
