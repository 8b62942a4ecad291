"""A schema's type in TypeScript."""

import pytest

from infra.web.typescript import UnknownSchema, type_of, typescript

_TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 1}, "number"),
        ({"type": "string", "format": "decimal", "nullable": True}, "string | null"),
        ({"enum": ["long", "short", 0, None]}, '"long" | "short" | 0 | null'),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
        ({"type": "array", "items": {"type": "array", "items": _TEXT}}, "string[][]"),
        ({"$ref": "#/components/schemas/Order"}, "Order"),
        ({"allOf": [{"$ref": "#/components/schemas/Order"}], "nullable": True}, "Order | null"),
        ({"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "nullable": True}]}, "string | (string[] | null)"),
        ({}, "unknown"),
        ({"nullable": True}, "unknown"),
        ({"type": "object"}, "{\n    [key: string]: unknown;\n}"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "{\n    [key: string]: number;\n}"),
        (
            {"type": "object", "properties": {"a-b": _TEXT, "c": {**_TEXT, "readOnly": True}}, "required": ["c"]},
            '{\n    "a-b"?: string;\n    readonly c: string;\n}',
        ),
    ],
)
def test_a_schema_has_its_type(schema, expected):
    assert type_of(schema) == expected


@pytest.mark.parametrize(
    ("schema", "named"),
    [({"not": {}}, "not"), ({"type": "decimal"}, "'decimal'"), ({"type": "string", "const": 1}, "const")],
)
def test_what_cannot_be_said_is_refused_and_named(schema, named):
    with pytest.raises(UnknownSchema, match=named):
        type_of(schema)


def test_a_name_that_cannot_name_a_type_is_refused():
    with pytest.raises(UnknownSchema, match="'A-B'"):
        type_of({"$ref": "#/components/schemas/A-B"})


def test_a_comment_does_not_end_early_and_a_route_says_what_it_needs():
    text = typescript(
        {
            "components": {"schemas": {"Book": {"type": "object", "description": "a */ b"}}},
            "paths": {
                "/x/{id}": {
                    "post": {
                        "operationId": "change",
                        "deprecated": True,
                        "parameters": [
                            {"in": "path", "name": "id", "required": True, "schema": {"type": "integer"}},
                            {"in": "query", "name": "page", "schema": {"type": "integer"}, "description": "From 1."},
                        ],
                        "requestBody": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Book"}}}
                        },
                        "responses": {"204": {}},
                    }
                }
            },
        }
    )
    assert "/** a *\\/ b */\nexport type Book" in text
    assert "path: {\n                id: number;\n            };" in text
    assert "query?: {\n                /** From 1. */\n                page?: number;" in text
    assert 'requestBody?: { content: { "application/json": Book } };' in text
    assert "204: { headers: { [name: string]: unknown }; content?: never };" in text
    assert '"/x/{id}": {\n        /** @deprecated */\n        post: operations["change"];' in text
