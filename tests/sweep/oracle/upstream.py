"""The request that has to arrive upstream."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from oracle import paths
from oracle.document import Consumed, name_of
from oracle.expressions import ABSENT, Bound, data, evaluate, template, text
from oracle.inputs import Wired
from oracle.names import norm

WRITES = ("POST", "PUT", "PATCH", "DELETE")
TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain; charset=utf-8",
    "xml": "application/xml",
    "sparql": "application/sparql-query",
    "yaml": "application/yaml",
}


@dataclass
class Expected:
    """A request: its path in decoded segments, its query in decoded pairs and in order, its body in decoded form."""

    method: str
    segments: list[str]
    query: list[tuple[str, str]]
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "none"
    """none, json, form, multipart, yaml, text (any text) or raw (bytes handed through)."""
    body: Any = None
    secrets: list[tuple[str, str, str]] = field(default_factory=list)
    """What authentication supplies: its place, its name there, and the credential. It is sent there and nowhere else."""


@dataclass(frozen=True)
class Handed:
    """A REST body that is handed through, with its type."""

    content: bytes
    type: str


def expect(op: Consumed, wired: Wired, base: str, values: Mapping[str, Any], bindings: Mapping[str, str]) -> Expected:
    """The request for inputs; `base` is the path of the base address."""
    feeds = [(feed, evaluate(feed.value, values, bindings)) for feed in wired.feeds]
    feeds = [(feed, value) for feed, value in feeds if value is not ABSENT]
    holes = {feed.name: text(value) for feed, value in feeds if feed.place == "path"}
    path, _, literal = op.path.partition("?")
    out = Expected(op.method, _segments(base, path, holes, bindings), parse_qsl(literal, keep_blank_values=True))
    for feed, value in feeds:
        if feed.place == "query":
            out.query += [(feed.name, text(item)) for item in (value if isinstance(value, list) else [value])]
        elif feed.place == "header":
            items = value if isinstance(value, list) else [value]
            out.headers[feed.name.lower()] = ", ".join(text(item) for item in items)
        elif feed.place == "cookie":
            out.headers["cookie"] = "; ".join(filter(None, [out.headers.get("cookie"), f"{feed.name}={text(value)}"]))
    whole = [v for f, v in feeds if f.place == "body"]
    if not whole and op.method in WRITES and wired.encoding == "json":
        # An object of which nothing is given is an object without members.
        whole = [{} for feed in wired.feeds if feed.place == "body" and isinstance(feed.value, dict)]
    _fill(out, wired, [(f.name, v) for f, v in feeds if f.place == "member"], whole)
    _authenticate(out, op, bindings)
    return out


def _segments(base: str, path: str, holes: Mapping[str, str], bindings: Mapping[str, str]) -> list[str]:
    whole = base.rstrip("/") + ("/" + path.lstrip("/") if path else "")
    # Segments are split before anything is filled in: a slash in a value stays in its segment.
    segments = [""]
    for piece in paths.parse(whole):
        if isinstance(piece, paths.Hole):
            segments[-1] += holes[piece.name] if piece.name in holes else bindings[piece.name.rpartition(".")[2]]
        else:
            first, *others = map(unquote, piece.split("/"))
            segments[-1] += first
            segments += others
    return segments


def _fill(out: Expected, wired: Wired, members: list[tuple[str, Any]], whole: list[Any]) -> None:
    if whole and isinstance(whole[0], Handed):
        out.kind, out.body = "raw", whole[0].content
        out.headers.setdefault("content-type", whole[0].type)
        return
    if not members and not whole:
        return
    body = whole[0] if whole else dict(members)
    encoding = wired.encoding
    if wired.body == "handed" and encoding == "json" and isinstance(body, str):
        encoding = "text"
    out.headers.setdefault("content-type", TYPES[encoding])
    if encoding in ("form", "multipart") and isinstance(body, dict):
        pairs = [(k, text(i)) for k, v in body.items() for i in (v if isinstance(v, list) else [v])]
        out.kind, out.body = encoding, pairs
    elif encoding in ("json", "yaml"):
        out.kind, out.body = encoding, plain(body)
    else:
        out.kind, out.body = "text", text(body)


def plain(value: Any) -> Any:
    """A value as JSON has it, at any depth."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return data(value)


def written(value: Any, bindings: Mapping[str, str]) -> str:
    """An authentication option with its variables filled in."""
    return text(evaluate(template(value, lambda name: Bound(name.rpartition(".")[2])), {}, bindings))


def _authenticate(out: Expected, op: Consumed, bindings: Mapping[str, str]) -> None:
    auth = op.entry.auth
    if not auth:
        return
    get = {key: written(value, bindings) for key, value in auth.items() if isinstance(value, str)}
    kind = norm(get.get("type", ""))
    if kind == "bearer":
        token = get["token"] if "token" in get else get["value"]
        out.headers["authorization"] = "Bearer " + token
        out.secrets.append(("header", "authorization", token))
    elif kind == "basic":
        both = f"{get.get('username', '')}:{get.get('password', '')}"
        out.headers["authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
    elif "headers" in auth:
        headers = auth["headers"]
        pairs = headers.items() if isinstance(headers, dict) else [(name_of(h), h["value"]) for h in headers]
        out.headers.update({name.lower(): written(value, bindings) for name, value in pairs})
    elif "header" in auth:
        out.headers[get["header"].lower()] = get.get("key", get.get("value", get.get("token", "")))
    else:
        place = get.get("placement", get.get("in", "header")).lower()
        name, secret = get.get("key", get.get("name", "")), get.get("value", get.get("token", ""))
        _place(out, place, name, secret)


def _place(out: Expected, place: str, name: str, secret: str) -> None:
    out.secrets.append((place, name, secret))
    match place:
        case "header":
            out.headers[name.lower()] = secret
        case "query":
            out.query.append((name, secret))
        case "cookie":
            out.headers["cookie"] = "; ".join(filter(None, [out.headers.get("cookie"), f"{name}={secret}"]))
        case "body":
            out.kind = "json"
            out.body = {**(out.body or {}), name: secret}
            out.headers.setdefault("content-type", TYPES["json"])
