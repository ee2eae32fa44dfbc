"""The requests of a caller: an operation's inputs, put where REST or MCP has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from oracle import paths
from oracle.document import Exposed
from oracle.expressions import Spelt, text
from oracle.inputs import Wired
from oracle.upstream import Handed


@dataclass
class Ask:
    """An HTTP request to the gateway."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def rest(
    prefix: str, exposed: Exposed, wired: Wired, values: Mapping[str, Any], extra: str = "", stray: Any = None
) -> Ask:
    """A REST request. `extra` is added to the query, `stray` to the members of the body."""
    holes: dict[str, str] = dict.fromkeys(wired.free, "free")
    query: list[str] = []
    members: dict[str, Any] = dict(stray or {})
    form: list[str] = []
    out = Ask(exposed.method or "GET", "")
    for given in wired.inputs:
        if given.name not in values:
            continue
        value = values[given.name]
        match given.places[0]:
            case "path":
                holes[given.wire] = text(value)
            case "query":
                query.append(pair(given.wire, value))
            case "header":
                items = value if isinstance(value, list) else [value]
                out.headers[given.wire] = ", ".join(text(item) for item in items)
            case "cookie":
                out.headers["Cookie"] = f"{given.wire}={text(value)}"
            case "member":
                members[given.wire] = value
            case "form":
                form.append(pair(given.wire, value))
            case "body" if isinstance(value, Handed):
                out.body, out.headers["Content-Type"] = value.content, value.type
            case "body":
                out.body, out.headers["Content-Type"] = json.dumps(value).encode(), "application/json"
    if members:
        out.body, out.headers["Content-Type"] = json.dumps(members).encode(), "application/json"
    if form:
        out.body, out.headers["Content-Type"] = "&".join(form).encode(), "application/x-www-form-urlencoded"
    # `..` is spelled so that nobody on the way resolves it.
    holes = {name: quote(value, safe="") if value != ".." else "%2E%2E" for name, value in holes.items()}
    path = "".join(
        holes[piece.name] if isinstance(piece, paths.Hole) else quote(piece, safe="/%:@!$&'()*+,;=~")
        for piece in paths.parse(exposed.path or "")
    )
    query += [extra] if extra else []
    out.target = (
        f"/{quote(prefix)}" + (path if path.startswith("/") else "/" + path) + ("?" + "&".join(query) if query else "")
    )
    return out


def pair(name: str, value: Any) -> str:
    """A name and its value, or values, in a query or a form."""
    items = value if isinstance(value, list) else [value]
    return "&".join(f"{quote(name, safe='')}={quote(text(item), safe='')}" for item in items)


MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"


def rpc(capability: str, method: str, params: dict[str, Any], *, modern: bool) -> Ask:
    """A request to a capability's MCP endpoint, in one of both eras."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if modern:
        params = {**params, "_meta": {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}}
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
    else:
        headers["MCP-Protocol-Version"] = "2025-11-25"
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return Ask("POST", f"/mcp/{quote(capability)}", headers, json.dumps(message).encode())


def arguments(values: Mapping[str, Any], spelling: Mapping[str, str]) -> dict[str, Any]:
    """Tool arguments under the names of `spelling`."""
    return {spelling[name]: value.value if isinstance(value, Spelt) else value for name, value in values.items()}
