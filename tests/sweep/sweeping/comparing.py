"""How a recorded request differs from the expected one."""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl, unquote

from oracle import yaml12
from oracle.upstream import Expected

from cap_core.testing import Recorded

LEGAL = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+")
"""What RFC 3986 allows in a path and a query."""
FRAMING = {"host", "content-length", "transfer-encoding", "connection"}


def differences(expected: Expected, got: Recorded) -> list[str]:
    """Every difference, in words."""
    out = []
    if expected.method != got.method:
        out.append(f"method {got.method}, not {expected.method}")
    if not LEGAL.fullmatch(got.target):
        out.append(f"target not escaped: {got.target!r}")
    path, _, query = got.target.decode("latin-1").partition("?")
    segments = [unquote(segment, errors="strict") for segment in path.split("/")]
    if segments != expected.segments:
        out.append(f"path {path}, not {'/'.join(expected.segments)} as {expected.segments}")
    pairs = parse_qsl(query, keep_blank_values=True)
    if pairs != expected.query:
        out.append(f"query {pairs}, not {expected.query}")
    return out + _headers(expected, got) + _body(expected, got) + _supplied_once(expected, got, pairs)


LONG = 8
"""Characters from which a credential is not found in other text by chance."""


def _supplied_once(expected: Expected, got: Recorded, pairs: list[tuple[str, str]]) -> list[str]:
    """What authentication supplies stands at its place once, whatever else the document says, and nowhere else."""
    out = []
    for place, name, secret in expected.secrets:
        if place == "query" and [key for key, _ in pairs].count(name) != 1:
            out.append(f"the query {pairs} has {name} of the authentication not once")
        if place != "query" and len(secret) >= LONG and any(secret == value for _, value in pairs):
            out.append(f"the query {pairs} has the credential of the {place} {name}")
        # An author may write the variable into the body as well.
        written = secret in str(expected.body)
        if place != "body" and len(secret) >= LONG and secret.encode() in got.body and not written:
            out.append(f"the body {got.body!r} has the credential of the {place} {name}")
        if place == "body" and got.body.count(json.dumps(name).encode() + b":") > 1:
            out.append(f"the body {got.body!r} has {name} of the authentication twice")
    return out


def _headers(expected: Expected, got: Recorded) -> list[str]:
    found = {name.lower().decode(): value.decode("utf-8", "replace") for name, value in got.headers}
    if len(found) != len(got.headers):
        return [f"a header twice: {got.headers}"]
    wanted = {"accept-encoding": "identity", **expected.headers}
    if "user-agent" not in wanted and re.fullmatch(r"cap/\S+", found.get("user-agent", "")):
        del found["user-agent"]
    for name in FRAMING:
        found.pop(name, None)
    if expected.kind == "multipart":
        found["content-type"] = found.get("content-type", "").partition(";")[0]
    return [] if found == wanted else [f"headers {found}, not {wanted}"]


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, and 1.0 is not 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _body(expected: Expected, got: Recorded) -> list[str]:
    body = got.body
    try:
        match expected.kind:
            case "none":
                right = not body
            case "raw":
                right = body == expected.body
            case "json":
                right = same(json.loads(body, object_pairs_hook=_members), expected.body)
            case "yaml":
                right = same(yaml12.load(body.decode(), text_keys=True), expected.body)
            case "form":
                right = Counter(parse_qsl(body.decode(), keep_blank_values=True)) == Counter(expected.body)
            case "multipart":
                right = Counter(_parts(got)) == Counter(expected.body)
            case _:
                right = body.decode() == expected.body
    except ValueError as error:
        return [f"body {body!r} is no {expected.kind}: {error}"]
    return [] if right else [f"body {body!r}, not {expected.kind} {expected.body!r}"]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; one with a name twice is wrong."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError(f"a name twice: {pairs}")
    return dict(pairs)


def _parts(got: Recorded) -> list[tuple[str, str]]:
    head = b"Content-Type: " + (got.header("content-type") or b"") + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + got.body)
    return [
        (str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True).decode())
        for part in message.iter_parts()  # type: ignore[attr-defined]
    ]
