"""`type: apikey`: a key in a header, the query, a cookie or the JSON body, in its four published spellings."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Annotated

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import OptionError, Refusal
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.values import Constant, Value
from cap_core.plugins.auth import AuthScheme, CheckContext, Credentials, SignContext
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.messages import Caller, Check, Incoming
from cap_core.syntax.http import is_token
from cap_core.syntax.names import near

HEADER = ("name", "value")
"""The keys of an entry of `headers`, where that is a list."""
PLACES = ("header", "query", "cookie", "body")
_TAKEN = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "host", "keep-alive"}
    | {"origin", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that every request has for another purpose, so that no caller can send a key in them."""
IN_BASE = "path"
"""The place of a key that fills a placeholder of the base URI, as in `https://api.example/bot{token}`."""
Place = Annotated[str | None, msgspec.Meta(extra_json_schema={"enum": [*PLACES, IN_BASE]})]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"in_": "in"}):
    """One of: `key`+`value`+`placement`, `name`+`value`+`in`, `header`+`key` (the secret), or `headers`.

    `token` is another published name of `value`.
    """

    key: str | None = None
    value: str | None = None
    token: str | None = None
    placement: Place = None
    name: str | None = None
    in_: Place = None
    header: str | None = None
    headers: Mapping[str, str] | list[Mapping[str, str]] | None = None


class Key(msgspec.Struct, frozen=True):
    """An API key: its place, its name there, and the secret."""

    place: str
    name: str
    value: str


def keys(options: Options) -> tuple[Key, ...]:
    """The keys of an options block. Raises `OptionError` for a block that is none of the four spellings."""
    if options.headers is not None:
        return tuple(Key("header", name, value) for name, value in _pairs(options.headers))
    value = options.value if options.value is not None else options.token
    if options.header is not None:
        secret = options.key if options.key is not None else value
        if secret is None:
            raise OptionError("header", "an apikey in a header needs its 'key'", "key: '{{env.NAME}}'")
        return (Key("header", options.header, secret),)
    name = options.key if options.key is not None else options.name
    if name is None or value is None:
        raise OptionError("", "an apikey needs 'key' and 'value'", "key: X-Api-Key, value: '{{env.NAME}}'")
    place = (options.placement or options.in_ or "header").lower()
    if place not in PLACES:
        option = "placement" if options.placement else "in"
        raise OptionError(
            option, f"an apikey cannot stand in {place!r}", near(place, PLACES) or f"it stands in {', '.join(PLACES)}"
        )
    return (Key(place, name, value),)


def _pairs(headers: Mapping[str, str] | list[Mapping[str, str]]) -> list[tuple[str, str]]:
    if isinstance(headers, Mapping):
        return list(headers.items())
    out = []
    for entry in headers:
        if set(entry) == set(HEADER):
            out.append((entry["name"], entry["value"]))
        elif len(entry) == 1:
            out += entry.items()
        else:
            raise OptionError("headers", f"an entry of 'headers' has 'name' and 'value', not {', '.join(entry)}")
    return out


def sign(options: Options, at: SignContext) -> Credentials:
    """The credentials with each key at its place."""
    found = keys(options)

    def at_place(place: str) -> tuple[tuple[str, str], ...]:
        return tuple((key.name, key.value) for key in found if key.place == place)

    return Credentials(
        headers=tuple((name.encode(), value.encode()) for name, value in at_place("header")),
        query=at_place("query"),
        cookies=at_place("cookie"),
        members=at_place("body"),
    )


def in_base(options: Mapping[str, Value]) -> tuple[str, str] | None:
    """The placeholder of the base URI that the key fills, by the options `key` or `name`, and the option that does."""
    places = (options.get("placement"), options.get("in"))
    name = next((options[key] for key in ("key", "name") if key in options), None)
    secret = next((key for key in ("value", "token") if key in options), None)
    if Constant(IN_BASE) not in places or not isinstance(name, Constant) or secret is None:
        return None
    return str(name.value), secret


def check(options: Options, at: CheckContext) -> Check:
    """The check that compares one header in constant time. Keys in URLs are not accepted, because URLs are logged."""
    found = keys(options)
    if len(found) != 1 or found[0].place != "header":
        raise OptionError("placement", "a caller's apikey must be one header", "use placement: header")
    key = found[0]
    if not is_token(key.name) or key.name.lower() in _TAKEN:
        why = "has another meaning" if is_token(key.name) else "is no name of a header"
        raise OptionError("key", f"a caller's apikey cannot stand in {key.name!r}, which {why}", "use X-Api-Key, say")
    name, expected = key.name.lower().encode(), key.value.encode()
    headers = ((b"www-authenticate", f'ApiKey realm="{at.realm}", header="{key.name}"'.encode()),)
    known = Caller("apikey")

    async def apikey(request: Incoming) -> Caller:
        given = request.headers.get(name)
        if given is None:
            raise Refusal(401, "unauthorized", f"the header {key.name} is needed", headers=headers)
        if not expected or not hmac.compare_digest(given, expected):
            raise Refusal(401, "unauthorized", f"the key in {key.name} is not accepted", headers=headers)
        return known

    return apikey


def caller_option(text: str) -> Mapping[str, object]:
    """The options from `HEADER:NAME` of `--caller-auth apikey:HEADER:NAME`."""
    header, _, name = text.partition(":")
    if not header or not name:
        raise OptionError("", f"{text!r} is not HEADER:NAME", "--caller-auth apikey:X-Key:GATEWAY_TOKEN")
    return {"key": header, "value": f"{{{{{name}}}}}", "placement": "header"}


_SCHEMA = frozenset({"key", "value", "placement"})


def diagnose(plan: CapabilityPlan) -> Iterator[Diagnostic]:
    """Warn once per namespace whose key has a spelling that is in no published schema."""
    for consumed in plan.consumed:
        block = consumed.authentication
        if block is None or block.type != "apikey":
            continue
        unpublished = [name for name in block.options if name not in _SCHEMA]
        place = block.options.get("placement")
        if unpublished:
            options = ", ".join(block.options)
            what = f"this apikey is spelled with {options}; it is read as key, value and placement"
            yield Diagnostic(block.at, "warning", "alias-option", what, "use key, value and placement header or query")
        elif isinstance(place, Constant) and place.value not in ("header", "query"):
            what = f"the placement {place.value} of this apikey is in no published schema; it is acted upon"
            at = block.marks.get("placement", block.at)
            hint = "use placement header or query if the vendor takes it"
            yield Diagnostic(at, "warning", "alias-option", what, hint)


@hookimpl
def cap_diagnose() -> list[DiagnosticRule]:
    """Offer the rule about spellings."""
    return [DiagnosticRule(key="apikey-spelling", codes=(), diagnose=diagnose)]


@hookimpl
def cap_auth_schemes() -> list[AuthScheme[Options]]:
    """Offer api keys, in both directions."""
    return [
        AuthScheme(key="apikey", options=Options, sign=sign, check=check, caller_option=caller_option, in_base=in_base)
    ]
