"""Base URIs: values of variables are inserted as they are, then the text is parsed (`docs/semantics.md`, base URI)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from cap_core.errors import Refusal
from cap_core.plan.upstream import Consumed
from cap_core.plan.values import Binding, Template
from cap_core.syntax.loopback import is_loopback

_LITERAL_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Base(msgspec.Struct, frozen=True):
    """An upstream's address: where to connect, and the path that comes before every operation's path."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str

    @property
    def loopback(self) -> bool:
        """Whether the address is on this machine."""
        # Names that end in `.localhost` are this machine (RFC 6761, 6.3).
        return is_loopback(self.host) or self.host.endswith(".localhost")

    @property
    def safe(self) -> bool:
        """Whether a credential may go there: over TLS, or without leaving this machine."""
        return self.scheme == "https" or self.loopback

    @property
    def text(self) -> str:
        """The address as a URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def missing(template: Template, values: Mapping[Binding, str]) -> list[Binding]:
    """The variables of a base URI that have no value."""
    return [part for part in template.parts if isinstance(part, Binding) and part not in values]


def render(template: Template, values: Mapping[Binding, str]) -> Base:
    """The address of a base URI whose variables all have a value. Raises `ValueError` with the reason.

    A value that carries a scheme replaces the literal one before it (`https://api.example` for `http://{{baseurl}}`).
    """
    out = ""
    for part in template.parts:
        text = values[part] if isinstance(part, Binding) else str(part)
        if _SCHEME.match(text) and _LITERAL_SCHEME.fullmatch(out):
            out = ""
        out += text
    return parse(out)


def in_path(template: Template, values: Mapping[Binding, str]) -> list[Binding]:
    """The variables of a base URI after its host, whose values may be credentials."""
    out, found = "", []
    for part in template.parts:
        text = values.get(part, "") if isinstance(part, Binding) else str(part)
        if isinstance(part, Binding) and "/" in out.partition("://")[2]:
            found.append(part)
        out += text
    return found


def literal_base(template: Template) -> Base | None:
    """The address of a base URI without variables; None for one with variables. Raises `ValueError`."""
    if any(isinstance(part, Binding) for part in template.parts):
        return None
    return render(template, {})


def parse(text: str) -> Base:
    """Parse an address. Raises `ValueError` with the reason, worded to follow the text in a message."""
    if any(c.isspace() or ord(c) < 32 for c in text.strip()):
        raise ValueError("contains white space")
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise ValueError("is not an http or https address")
    if not parts.hostname:
        raise ValueError("names no host")
    if "@" in parts.netloc:
        raise ValueError("carries a user name or password, which belongs under authentication")
    if parts.query or parts.fragment:
        raise ValueError("has a query or a fragment")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    return Base(scheme, host, port or _DEFAULT_PORTS[scheme], parts.path.rstrip("/"))  # type: ignore[arg-type]  # checked


def base_of(consumed: Consumed, values: Mapping[Binding, str]) -> Base | Refusal:
    """A namespace's address, or the refusal of its calls if a variable has no value or the address is invalid."""
    name = consumed.namespace
    if consumed.base is None:
        return Refusal(503, "not-configured", f"{name} has no base URI", hint=f"give one with --base-uri {name}=URL")
    unset = missing(consumed.base, values)
    if unset:
        names = ", ".join(binding.name for binding in unset)
        what = f"{names} is not set" if len(unset) == 1 else f"{names} are not set"
        hint = f"give the base URI with --base-uri {name}=URL, or the variable with --set {unset[0].name}=VALUE"
        return Refusal(503, "not-configured", f"the base URI of {name} is not known: {what}", hint=hint)
    try:
        return render(consumed.base, values)
    except ValueError as error:
        # The text is not part of the message: it may hold a secret.
        return Refusal(
            503, "not-configured", f"the base URI of {name} {error}", hint=f"give one with --base-uri {name}=URL"
        )
