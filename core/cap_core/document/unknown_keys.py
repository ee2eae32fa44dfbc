"""What is said of a key that is not read: what it looks like, where it belongs, or what does the same here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import msgspec

from cap_core.document.restrictions import misspelt
from cap_core.syntax.names import closest, norm

_PLACES: Mapping[str, str] = {
    "capability": "at the root of the document",
    "info": "at the root of the document",
    "consumes": "below 'capability'",
    "exposes": "below 'capability'",
    "binds": "at the root of the document",
    "namespace": "in an entry of 'consumes', 'exposes' or 'binds'",
    "baseUri": "in an entry of 'consumes'",
    "port": "in an entry of 'exposes'",
    "tools": "in an entry of 'exposes' with type: mcp",
    "resources": "in an entry of 'consumes', or of 'exposes' with type: rest",
    "operations": "in an entry of 'resources'",
    "method": "in an entry of 'operations'",
    "path": "in an entry of 'resources'",
    "call": "in an exposed operation or a tool",
    "with": "in an exposed operation or a tool, beside 'call'",
    "body": "in a consumed operation",
    "inputParameters": "in an operation, a resource or a tool",
    "in": "in an entry of 'inputParameters'",
    "keys": "in an entry of 'binds'",
    "outputRawFormat": "in a consumed operation",
    "hints": "in a tool",
}
"""Where keys that often stand in a wrong place are read."""

_HEADERS = "write an entry of 'inputParameters' with 'in: header', and a 'value' where it is fixed"
_QUERY = "write entries of 'inputParameters' with 'in: query'"
_TIME = "time limits are settings: first-byte, idle and total below [upstreams.NAMESPACE] in cap.toml"
_REPEATED = "the gateway repeats no call by itself; leave it to the caller"
_LIMITS = "the gateway limits no rates; leave it to the upstream or to a proxy in front"
_BINDS = "declare names under 'binds', and write '{{NAME}}' where their values go"
_ADDRESS = "write 'baseUri' in the entry of 'consumes'"

_INPUTS = "write 'inputParameters'"
_OUTPUTS = "write 'outputParameters'"
_CALL = "write 'call: namespace.operation'"

_INSTEAD: Mapping[str, str] = {
    "timeout": _TIME,
    "timeoutms": _TIME,
    "timeouts": _TIME,
    "timeoutseconds": _TIME,
    "retry": _REPEATED,
    "retries": _REPEATED,
    "maxretries": _REPEATED,
    "backoff": _REPEATED,
    "ratelimit": _LIMITS,
    "ratelimits": _LIMITS,
    "throttle": _LIMITS,
    "header": _HEADERS,
    "headers": _HEADERS,
    "query": _QUERY,
    "queryparams": _QUERY,
    "queryparameters": _QUERY,
    "env": _BINDS,
    "environment": _BINDS,
    "secrets": _BINDS,
    "variables": _BINDS,
    "vars": _BINDS,
    "url": _ADDRESS,
    "uri": _ADDRESS,
    "host": _ADDRESS,
    "server": _ADDRESS,
    "servers": _ADDRESS,
    "endpoint": _ADDRESS,
    **{method: f"write 'method: {method.upper()}'" for method in ("get", "post", "put", "patch", "delete")},
    **dict.fromkeys(("inputs", "args", "arguments", "params", "inputschema", "requestbody"), _INPUTS),
    **dict.fromkeys(("outputs", "outputschema", "response", "result", "returns"), _OUTPUTS),
    **dict.fromkeys(("handler", "operation", "operationid", "function", "action", "target", "calls"), _CALL),
    "schema": "write its 'type', 'items' and the like beside 'name'",
    "cors": "let a page's origin in with --allow-origin",
    "cache": "nothing is cached here; the upstream's Cache-Control reaches the caller",
}
"""By the letters of a key that other tools have, what does the same here."""

_GLUED = re.compile(r"(?P<key>[A-Za-z]\w*):(?P<value>[^\s/:].*)")


class UnknownKey(msgspec.Struct, frozen=True):
    """The diagnostic of a key that is not read; `restricts` if what has it is left out."""

    code: str
    message: str
    hint: str | None
    restricts: bool = False


def unknown_key(
    key: str, what: str, known: Collection[str], unrestricted: Collection[str], remedies: Mapping[str, str]
) -> UnknownKey:
    """What to say of a key that `what` has and that is none of those `known` there."""
    meant = misspelt(key)
    if meant is not None and meant not in unrestricted:
        return _restriction(key, meant, what, known)
    problem = f"{what} has the key {key!r}, which is not acted upon"
    hint = remedies.get(key) or _typed_wrong(key)
    if hint is None and key in _PLACES:
        return UnknownKey("misplaced-key", problem, f"{key!r} belongs {_PLACES[key]}; check its indentation")
    hint = hint or _instead(key, known)
    if hint is None and (near := closest(key, known)) is not None:
        problem += f" (did you mean {near!r}?)"
    return UnknownKey("unknown-key", problem, hint)


def _restriction(key: str, meant: str, what: str, known: Collection[str]) -> UnknownKey:
    if meant in known:
        problem = f"{what} has the key {key!r}, which looks like {meant!r} and is not read"
        hint = f"write {meant!r}"
    else:
        problem = f"{what} has the key {key!r}, but {meant!r} restricts nothing here"
        hint = "move it to where it is read, or remove it"
    return UnknownKey("misspelt-restriction", f"{problem}; what it stands on is left out", hint, restricts=True)


def _typed_wrong(key: str) -> str | None:
    if key.startswith("-") and key[1:2].isalpha():
        return f"put a space after the dash: '- {key[1:]}'"
    glued = _GLUED.fullmatch(key)
    return f"put a space after the colon: '{glued['key']}: {glued['value']}'" if glued else None


def _instead(key: str, known: Collection[str]) -> str | None:
    form = norm(key)
    return _INSTEAD.get(form) if not any(norm(one) == form for one in known) else None
