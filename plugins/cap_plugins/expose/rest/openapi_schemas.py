"""Parameters, bodies and responses of an operation in OpenAPI 3.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cap_core.plan.call import Call
    from cap_core.plan.exposed import DeclaredOutput
    from cap_core.plan.inputs import Input

Json = dict[str, object]

_MEDIA_TYPES = {
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "yaml": "application/yaml",
    "html": "text/html",
    "markdown": "text/markdown",
    "text": "text/plain",
}

_PROBLEMS = {
    "400": "The request is not what this operation takes.",
    "401": "The caller is not known.",
    "403": "The caller may not do this.",
    "413": "The request body is too large.",
    "415": "The request body has another media type than this operation takes.",
    "502": "The upstream could not be reached, or its answer is not what it says it is.",
    "503": "The operation is not configured yet.",
    "504": "The upstream did not answer in time.",
}

_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "A refusal or failure of the gateway (RFC 9457).",
    "properties": {
        "type": {"type": "string", "description": "What kind of problem, for programs."},
        "title": {"type": "string", "description": "What kind of problem, for people."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong this time, and what would help."},
        "capability": {"type": "string"},
        "operation": {"type": "string"},
        "spec": {"type": "string", "description": "The file, line and column of the operation."},
        "trace_id": {"type": "string", "description": "The request id, as the gateway's log has it."},
        "errors": {
            "type": "array",
            "description": "Every single thing wrong with the request.",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
                "required": ["where", "what"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}

_PROBLEM: Json = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_UNTOUCHED: Json = {"*/*": {"schema": {}}}
"""An upstream's error is handed on as it came, whatever it is, so each of its statuses can have any content."""

PROBLEM: Json = {
    "schemas": {"Problem": _PROBLEM_SCHEMA},
    "responses": {
        **{
            f"Problem{status}": {"description": meaning, "content": _PROBLEM | _UNTOUCHED}
            for status, meaning in _PROBLEMS.items()
        },
        "UpstreamError": {"description": "The upstream's own error or redirect, untouched.", "content": _UNTOUCHED},
    },
}
"""The components that every description has."""


def parameter(item: Input, name: str) -> Json:
    """One input outside the body. An object in a query is JSON."""
    schema = {key: value for key, value in item.schema().items() if key != "description"}
    as_json = item.type == "object"
    return {
        "name": name,
        "in": item.place,
        "required": item.required,
        **({"description": item.description} if item.description else {}),
        **({"content": {"application/json": {"schema": schema}}} if as_json else {"schema": schema}),
    }


def request_body(items: tuple[Input, ...]) -> Json | None:
    """The body an operation takes, if it takes one."""
    whole = next((item for item in items if item.place == "body"), None)
    if whole is not None:
        media_type = "*/*" if whole.opaque else "application/json"
        described = {"description": whole.description} if whole.description else {}
        content = {media_type: {"schema": {} if whole.opaque else _in_json(whole)}}
        if whole.media_type:
            content = {whole.media_type: {"schema": whole.schema()}, **content}
        return {**described, "required": whole.required, "content": content}
    fields = [item for item in items if item.place == "member"]
    if not fields:
        return None
    required = [item.wire for item in fields if item.required]
    schema: Json = {
        "type": "object",
        "properties": {item.wire: item.schema() for item in fields},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
    media = {"schema": schema}
    own = {item.media_type: media for item in fields if item.media_type}
    json = {"schema": schema | {"properties": {item.wire: _in_json(item) for item in fields}}}
    content = {**own, "application/json": json, "application/x-www-form-urlencoded": media}
    return {"required": bool(required), "content": content}


def _in_json(item: Input) -> Json:
    """The schema of an input that comes in JSON, where a null of one that may be absent means that it is absent."""
    schema = item.schema()
    if item.required or not isinstance(schema.get("type"), str):
        return schema
    allowed = schema.get("enum")
    return (
        schema | {"type": [schema["type"], "null"]} | ({"enum": [*allowed, None]} if isinstance(allowed, list) else {})
    )


def responses(call: Call, *, guarded: bool) -> Json:
    """The upstream's answer, mapped or untouched, its errors, and the gateway's own problems."""
    statuses = ["400", *(["401", "403"] if guarded else []), "502", "503", "504"]
    if request_body(call.inputs.items) is not None:
        statuses += ["413", "415"]
    problems = {status: {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}
    others = {} if call.answering is None else {"default": {"$ref": "#/components/responses/UpstreamError"}}
    return {"2XX": _success(call), **problems, **others}


def _success(call: Call) -> Json:
    operation = call.answering
    if operation is None:
        schema = _outputs(call.outputs)
        return {"description": "The answer of the document.", "content": {"application/json": {"schema": schema}}}
    if call.identity:
        media_type = operation.output.get("outputMediaType") or _MEDIA_TYPES.get(operation.format, "*/*")
        return {"description": "The upstream's answer, untouched.", "content": {media_type: {"schema": {}}}}
    schema = _outputs(call.outputs)
    return {"description": "The upstream's answer, mapped.", "content": {"application/json": {"schema": schema}}}


def _outputs(outputs: tuple[DeclaredOutput, ...]) -> Json:
    """Named outputs are an object; of unnamed ones the first that finds something counts."""
    named = {output.name: _output(output) for output in outputs if output.name is not None}
    if named:
        return {"type": "object", "properties": named}
    schemas = [_output(output) for output in outputs]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _output(output: DeclaredOutput) -> Json:
    """One output; each may be null, where its mapping finds nothing."""
    return {**_shape(output), **({"description": output.description} if output.description else {})}


def _shape(output: DeclaredOutput) -> Json:
    if output.type == "array":
        return {"type": ["array", "null"], "items": _output(output.items) if output.items else {}}
    if output.type == "object":
        if output.values is not None:
            return {"type": ["object", "null"], "additionalProperties": _output(output.values)}
        properties = {one.name or "": _output(one) for one in output.properties}
        return {"type": ["object", "null"], "properties": properties} if properties else {}
    longest = {"maxLength": output.max_length} if output.max_length is not None and output.type == "string" else {}
    known = output.type in ("string", "number", "integer", "boolean")
    return {"type": [output.type, "null"], **longest} if known else {}
