"""The API's description as TypeScript types, for clients that want their compiler to hold them to it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.errors import FortifiedError

Schema = Mapping[str, Any]

_HEAD = """\
// Types of the HTTP API. Generated from its OpenAPI description by `./run manage typescript`: do not edit.
// `paths` has the form that openapi-fetch takes: createClient<paths>({ baseUrl }).
"""
_IDENTIFIER = re.compile(r"^[A-Za-z_$][\w$]*$")
_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_REFERENCE = "#/components/schemas/"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PLACES = ("query", "header", "path", "cookie")
# What narrows a value without changing its type, and what was read beside it.
_LIMITS = {"format", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern"}
_SILENT = _LIMITS | {"default", "deprecated", "description", "example", "nullable", "readOnly", "title", "writeOnly"}
_SHAPES = {"$ref", "enum", "allOf", "anyOf", "oneOf", "type", "items", "properties", "required", "additionalProperties"}


class UnknownSchema(FortifiedError):
    """The description says something that this page has no TypeScript for: better told than guessed."""

    code = "unknown_schema"


def typescript(document: Schema) -> str:
    """One module of types: the schemas by their names, `operations` by their ids, `paths` by address and method."""
    schemas = document["components"]["schemas"]
    parts = [_HEAD, *(_declaration(name, schemas[name]) for name in sorted(schemas))]
    described = [item[method] for item in document["paths"].values() for method in _METHODS if method in item]
    parts.append(_interface("operations", map(_operation, described)))
    parts.append(_interface("paths", (_path(path, item) for path, item in document["paths"].items())))
    return "\n".join(parts)


def type_of(schema: Schema, indent: str = "") -> str:
    """The type of one schema; the lines of an object after its first begin with `indent`."""
    if unknown := set(schema) - _SILENT - _SHAPES:
        raise UnknownSchema(f"a schema's keywords were expected, found {', '.join(sorted(unknown))} in {dict(schema)}")
    found = _not_null(schema, indent)
    return f"{found} | null" if schema.get("nullable") and found != "unknown" else found


def _not_null(schema: Schema, indent: str) -> str:
    if "$ref" in schema:
        return _named(str(schema["$ref"]).removeprefix(_REFERENCE))
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    for keyword, sign in (("allOf", " & "), ("anyOf", " | "), ("oneOf", " | ")):
        if keyword in schema:
            return sign.join(_grouped(type_of(each, indent)) for each in schema[keyword])
    kind = schema.get("type", "unknown")
    if kind == "array":
        return f"{_grouped(type_of(schema['items'], indent))}[]"
    if kind == "object":
        return _object(schema, indent)
    if kind == "unknown":
        return "unknown"
    if kind not in _SCALARS:
        raise UnknownSchema(f"type: expected array, object, {', '.join(_SCALARS)}; found {kind!r}")
    return _SCALARS[kind]


def _object(schema: Schema, indent: str) -> str:
    inner = f"{indent}    "
    required = set(schema.get("required", ()))
    lines: list[str] = []
    for name, each in schema.get("properties", {}).items():
        mark = "readonly " if each.get("readOnly") else ""
        optional = "" if name in required else "?"
        lines += _comment(each.get("description"), inner)
        lines.append(f"{inner}{mark}{_key(name)}{optional}: {type_of(each, inner)};")
    rest = schema.get("additionalProperties", False if lines else {})
    if rest is not False:
        value = type_of(rest, inner) if isinstance(rest, Mapping) and rest else "unknown"
        lines.append(f"{inner}[key: string]: {value};")
    return _braces(lines, indent)


def _declaration(name: str, schema: Schema) -> str:
    lines = [*_comment(schema.get("description"), ""), f"export type {_named(name)} = {type_of(schema)};", ""]
    return "\n".join(lines)


def _operation(described: Schema) -> str:
    inner, deeper = "        ", "            "
    fields = [f"{inner}parameters: {_parameters(described.get('parameters', ()), inner)};"]
    if body := described.get("requestBody"):
        fields.append(f"{inner}requestBody{_optional(body)}: {{ content: {_content(body['content'], inner)} }};")
    answers = [
        f"{deeper}{status}: {{ headers: {{ [name: string]: unknown }}; content{_answer(answer, deeper)} }};"
        for status, answer in described["responses"].items()
    ]
    fields.append(f"{inner}responses: {_braces(answers, inner)};")
    return f"    {_key(described['operationId'])}: {_braces(fields, '    ')};"


def _answer(answer: Schema, indent: str) -> str:
    return f": {_content(answer['content'], indent)}" if answer.get("content") else "?: never"


def _content(content: Schema, indent: str) -> str:
    kinds = "; ".join(f"{_key(kind)}: {type_of(each.get('schema', {}), indent)}" for kind, each in content.items())
    return f"{{ {kinds} }}"


def _parameters(parameters: Iterable[Schema], indent: str) -> str:
    """By place; a place with nothing required may be left out, one with nothing at all must be."""
    inner, lines = f"{indent}    ", []
    for place in _PLACES:
        here = [each for each in parameters if each["in"] == place]
        if not here:
            lines.append(f"{inner}{place}?: never;")
            continue
        deeper, fields = f"{inner}    ", list[str]()
        for each in here:
            fields += _comment(each.get("description"), deeper)
            fields.append(f"{deeper}{_key(each['name'])}{_optional(each)}: {type_of(each['schema'], deeper)};")
        optional = "" if any(each.get("required") for each in here) else "?"
        lines.append(f"{inner}{place}{optional}: {_braces(fields, inner)};")
    return _braces(lines, indent)


def _path(path: str, item: Schema) -> str:
    lines: list[str] = []
    for method in _METHODS:
        if operation := item.get(method):
            lines += _comment(operation.get("description"), "        ", deprecated=operation.get("deprecated", False))
            lines.append(f"        {method}: operations[{json.dumps(operation['operationId'])}];")
    return f"    {_key(path)}: {_braces(lines, '    ')};"


def _interface(name: str, members: Iterable[str]) -> str:
    return "\n".join([f"export interface {name} {{", *members, "}", ""])


def _optional(part: Schema) -> str:
    return "" if part.get("required") else "?"


def _braces(lines: list[str], indent: str) -> str:
    return "\n".join(["{", *lines, f"{indent}}}"]) if lines else "{}"


def _grouped(text: str) -> str:
    """In brackets where an operator would bind differently."""
    return f"({text})" if " | " in text or " & " in text else text


def _key(name: str) -> str:
    return name if _IDENTIFIER.match(name) else json.dumps(name, ensure_ascii=False)


def _named(name: str) -> str:
    if not _IDENTIFIER.match(name):
        raise UnknownSchema(f"a schema's name that can name a type was expected, found {name!r}")
    return name


def _comment(text: str | None, indent: str, *, deprecated: bool = False) -> list[str]:
    lines = [line.rstrip() for line in (text or "").strip().replace("*/", "*\\/").splitlines()]
    if deprecated:
        lines.append("@deprecated")
    if not lines:
        return []
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]
