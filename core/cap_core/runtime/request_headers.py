"""Compiles the headers of an upstream request: those of the document, the authentication and the caller."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from cap_core.errors import FieldError
from cap_core.plan.request import Request
from cap_core.plan.values import Binding
from cap_core.plugins.auth import Credentials
from cap_core.plugins.messages import Headers
from cap_core.runtime.inputs import refuse
from cap_core.runtime.values import ABSENT, Frame, as_text, compile_text, label
from cap_core.version import USER_AGENT

_BAD_HEADER = re.compile(r"[\r\n\0]")


def compile_headers(
    request: Request, credentials: Credentials, variables: Mapping[Binding, str]
) -> Callable[[Frame], Headers]:
    """The function that makes all headers but the caller's. It raises `Refusal` 400 for a value with a line break."""
    fields = [
        (label(field), field.name.encode("latin-1", "replace"), compile_text(field.value, variables))
        for field in request.fields
        if field.place == "header"
    ]
    joins_cookies = any(wire.lower() == b"cookie" for _, wire, _ in fields)
    cookies = [
        (field.name, compile_text(field.value, variables)) for field in request.fields if field.place == "cookie"
    ]
    named = any(wire.lower() == b"user-agent" for _, wire, _ in fields)
    own: Headers = () if named or _has(credentials, b"user-agent") else ((b"User-Agent", USER_AGENT),)
    fixed_cookies = tuple(f"{name}={value}" for name, value in credentials.cookies)
    end: Headers = (*credentials.headers, *own)
    if not fields and not cookies:
        constant = (*end, *_cookie(fixed_cookies))
        return lambda frame: constant

    def headers(frame: Frame) -> Headers:
        out = []
        for name, wire, evaluate in fields:
            value = evaluate(frame)
            if value is not ABSENT:
                out.append((wire, _header_text(name, value)))
        crumbs = [f"{name}={_crumb(value)}" for name, evaluate in cookies if (value := evaluate(frame)) is not ABSENT]
        if joins_cookies:
            crumbs = [value.decode() for wire, value in out if wire.lower() == b"cookie"] + crumbs
            out = [header for header in out if header[0].lower() != b"cookie"]
        return (*out, *end, *_cookie((*crumbs, *fixed_cookies)))

    return headers


def _has(credentials: Credentials, name: bytes) -> bool:
    return any(header.lower() == name for header, _ in credentials.headers)


def _header_text(name: str, value: object) -> bytes:
    items = value if isinstance(value, list) else [value]
    text = ", ".join(as_text(item) for item in items if item is not None)
    if _BAD_HEADER.search(text):
        raise refuse((FieldError(name, "must not contain line breaks"),))
    return text.encode()


def _crumb(value: object) -> str:
    return quote(as_text(value), safe="!#$&'()*+-./:<=>?@[]^_`{|}~")


def _cookie(crumbs: tuple[str, ...]) -> Headers:
    return ((b"Cookie", "; ".join(crumbs).encode()),) if crumbs else ()


def names_set(request: Request, credentials: Credentials) -> frozenset[bytes]:
    """The lower-case names of headers that the request sets, so that the caller's headers of these are not sent."""
    named = {field.name.lower().encode("latin-1", "replace") for field in request.fields if field.place == "header"}
    return frozenset(named | {name.lower() for name, _ in credentials.headers})


# --- the caller's headers --------------------------------------------------------------------------------------

_IDENTITY: Headers = ((b"Accept-Encoding", b"identity"),)


def compile_passing(fixed: frozenset[bytes], *, identity: bool) -> Callable[[Headers], Headers]:
    """The function that selects the caller's headers to send, and adds `Accept-Encoding: identity` if they have none.

    Headers in `fixed`, which the document sets, are not sent; none are if the answer is read (not `identity`).
    """
    if not identity:
        return lambda headers: _IDENTITY

    def passing(headers: Headers) -> Headers:
        if not headers:
            return _IDENTITY
        for name, _ in headers:
            if name in fixed:
                return passing(tuple(header for header in headers if header[0] not in fixed))
        for name, _ in headers:
            if name == b"accept-encoding":
                return headers
        return headers + _IDENTITY

    return passing
