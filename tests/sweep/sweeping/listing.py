"""How the inputs that the gateway shows differ from those by the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from oracle import paths
from oracle.document import Exposed
from oracle.inputs import Wired
from oracle.names import aliases


def routes(openapi: Mapping[str, Any]) -> dict[tuple[str, str, str], Any]:
    """The operations of an OpenAPI document by capability, method and the shape of the path."""
    out = {}
    for path, item in openapi["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "operationId" in operation:
                capability = operation["x-cap-capability"]
                own = path.removeprefix(f"/{capability}") if path.startswith(f"/{capability}/") else path
                # Two paths of one shape stand under one of them: its placeholders have their names by position.
                operation["holes"] = paths.holes(path)
                for spelling in {own, path}:
                    out[capability, method.upper(), paths.shape(spelling)] = operation
    return out


def of_tool(tool: Mapping[str, Any], wired: Wired) -> Iterator[str]:
    """The differences of a tool's input schema."""
    schema = tool["inputSchema"]
    names = aliases(given.name for given in wired.inputs)
    shown = {name: item.get("type") for name, item in schema["properties"].items()}
    ours = {names[given.name]: given.listed for given in wired.inputs}
    if shown != ours:
        yield f"{shown}, by the rules {ours}"
    needed = {names[given.name] for given in wired.inputs if given.required}
    if needed != set(schema.get("required", ())):
        yield f"required {schema.get('required')}, by the rules {sorted(needed)}"
    if schema.get("additionalProperties") is not False:
        yield "the schema is open"


def of_rest(operation: Mapping[str, Any], exposed: Exposed, wired: Wired) -> Iterator[str]:
    """The differences of an OpenAPI operation's parameters and body."""
    own = dict(zip(operation["holes"], paths.holes(exposed.path or ""), strict=True))
    shown = {
        (p["in"], own[p["name"]] if p["in"] == "path" else p["name"]): (
            _type(_schema(p)),
            p.get("required", False),
        )
        for p in operation["parameters"]
    }
    ours = {
        (given.places[0], given.wire): (given.listed, given.required)
        for given in wired.inputs
        if given.places[0] in ("query", "path", "header", "cookie")
    }
    for name in wired.free:
        shown.pop(("path", name), None)
    if shown != ours:
        yield f"{shown}, by the rules {ours}"
    if any(given.places[0] == "body" for given in wired.inputs):
        if "requestBody" not in operation:
            yield "no body"
        return
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    members = {given.wire: given.listed for given in wired.inputs if given.places[0] == "member"}
    needed = {given.wire for given in wired.inputs if given.places[0] == "member" and given.required}
    fields = {name: _type(item) for name, item in schema.get("properties", {}).items()}
    if fields != members or needed != set(schema.get("required", ())):
        yield f"body {fields} {schema.get('required')}, by the rules {members} {needed}"


def _schema(parameter: Mapping[str, Any]) -> Any:
    """The schema of an OpenAPI parameter; an object's is that of its JSON."""
    return parameter["schema"] if "schema" in parameter else parameter["content"]["application/json"]["schema"]


def _type(schema: Any) -> Any:
    """The type of a schema, of which null is no part: it means that the input is absent."""
    types = schema.get("type")
    return next((one for one in types if one != "null"), None) if isinstance(types, list) else types
