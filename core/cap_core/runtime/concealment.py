"""Keeps the gateway's own credentials out of the headers of answers, for upstreams that repeat the request."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from operator import itemgetter
from typing import Final
from urllib.parse import urljoin

import msgspec

from cap_core.logging.redaction import MASK, SHORTEST, Redaction, hidden_passing
from cap_core.logging.spellings import spellings
from cap_core.plan.request import Request
from cap_core.plan.values import Binding, Constant, leaves
from cap_core.plugins.auth import Credentials
from cap_core.plugins.messages import HttpResponse
from cap_core.runtime.base_uri import in_path

Conceal = Callable[[HttpResponse, bytes], HttpResponse]
"""From a response, and the target that was requested, to one whose headers may be handed on."""

_SECRET_NAME: Final = re.compile(r"auth|key|token|secret|cookie|pass", re.IGNORECASE)
_LONG: Final = 8
"""Characters; a variable in a request may be a credential wherever it stands, but a shorter one may be a word."""
_CREDENTIAL_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_ADDRESSES: Final = frozenset((b"location", b"link"))
_NAME: Final = itemgetter(0)
_VALUE: Final = itemgetter(1)
_QUERY: Final = re.compile(r"\?([^?#<>\"\s]*)")
_LINKED: Final = re.compile(r"<([^<>]*)>")


def credentials_of(request: Request, credentials: Credentials, values: Mapping[Binding, str]) -> frozenset[str]:
    """The values in a request that nobody may see: those of its authentication, of its base URI after the host, and of
    its fields as far as they may be credentials."""
    consumed = request.operation.consumed
    options = consumed.authentication.options.values() if consumed.authentication is not None else ()
    found = [leaf for option in options for leaf in leaves(option) if isinstance(leaf, Binding)]
    found += in_path(consumed.base, values) if consumed.base is not None else []
    secret = {values[binding] for binding in found if binding in values}
    secret |= {value for pairs in (credentials.query, credentials.cookies, credentials.members) for _, value in pairs}
    return frozenset(value for value in secret | set(_in_fields(request, values)) if value != MASK)


def _in_fields(request: Request, values: Mapping[Binding, str]) -> Iterator[str]:
    for field in request.fields:
        named = _SECRET_NAME.search(field.name) is not None
        for leaf in leaves(field.value):
            if isinstance(leaf, Binding) and leaf in values and (named or len(values[leaf]) >= _LONG):
                yield values[leaf]
            elif isinstance(leaf, Constant) and field.name.lower() in _CREDENTIAL_HEADERS:
                yield str(leaf.value).rpartition(" ")[2]


def compile_conceal(secrets: Collection[str], origin: str) -> Conceal:
    """The function that cleans the headers of responses: an address in them is made absolute, loses the parameters that
    hold one of `secrets` or what a plugin obtained while the gateway runs, and every other occurrence is masked."""
    redaction = Redaction(secrets)
    known = (spelling.anchor for secret in secrets if len(secret) >= SHORTEST for spelling in spellings(secret))
    anchors = tuple({anchor.encode() for anchor in known})

    def conceal(response: HttpResponse, target: bytes) -> HttpResponse:
        # Without loops of Python, because this is for every answer.
        if not _ADDRESSES.isdisjoint(map(_NAME, response.headers)):
            return _cleaned(response, redaction, origin + target.decode("latin-1"))
        if anchors and any(map(b"".join(map(_VALUE, response.headers)).lower().__contains__, anchors)):
            return _cleaned(response, redaction, "")
        return response

    return conceal


def _cleaned(response: HttpResponse, redaction: Redaction, requested: str) -> HttpResponse:
    headers = tuple((name, _header(name, value, redaction, requested)) for name, value in response.headers)
    return msgspec.structs.replace(response, headers=headers)


def _header(name: bytes, value: bytes, redaction: Redaction, requested: str) -> bytes:
    text = value.decode("latin-1")
    if name == b"location":
        text = hidden_passing(_without(_absolute(text, requested), redaction))
    elif name == b"link":
        text = _LINKED.sub(lambda found: f"<{_without(_absolute(found[1], requested), redaction)}>", text)
        text = hidden_passing(text)
    return redaction.text(text).encode("latin-1", "replace")


def _absolute(address: str, requested: str) -> str:
    try:
        return urljoin(requested, address.strip())
    except ValueError:
        return address


def _without(address: str, redaction: Redaction) -> str:
    """An address without the parameters of its query that hold a credential."""

    def query(found: re.Match[str]) -> str:
        kept = "&".join(pair for pair in found[1].split("&") if hidden_passing(redaction.text(pair)) == pair)
        return f"?{kept}" if kept or not found[1] else ""

    return _QUERY.sub(query, address)
