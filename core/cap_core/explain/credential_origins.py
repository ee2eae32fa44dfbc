"""The origins of what the document's values do not contain: credentials, the gateway's headers, the transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from cap_core.explain.origin import Origin, Waypoint, bindings_in, distinct, owner, variable_steps
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import Request
from cap_core.plan.upstream import Authentication, Consumed
from cap_core.plan.values import Binding
from cap_core.plugins.auth import Credentials
from cap_core.plugins.loader import CORE_DISTRIBUTION
from cap_core.plugins.registry import Registry
from cap_core.runtime.pools import choose


def credential_origins(
    plan: CapabilityPlan, consumed: Consumed, registry: Registry, credentials: Credentials, absent: Set[Binding]
) -> Iterator[Origin]:
    """The origins of what an authentication adds. `absent` are its variables that have no value."""
    authentication = consumed.authentication
    if authentication is None:
        return
    source = describe_authentication(authentication, registry)
    at, via = str(authentication.at), option_steps(plan, authentication, absent)
    for place, pairs in (
        ("header ", tuple((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in credentials.headers)),
        ("query ", credentials.query),
        ("cookie ", credentials.cookies),
        ("body /", credentials.members),
    ):
        yield from (Origin(f"{place}{name}", str(value), source, at, via) for name, value in pairs)


def describe_authentication(authentication: Authentication, registry: Registry) -> str:
    """An authentication in words: its type, and the plugin behind it."""
    return f"authentication {authentication.type} ({owner(registry, f'auth scheme {authentication.type}')})"


def option_steps(plan: CapabilityPlan, authentication: Authentication, absent: Set[Binding]) -> tuple[Waypoint, ...]:
    """Every option of an authentication, with the variables in it; one that is optional may have none."""
    steps: list[Waypoint] = []
    for name, value in authentication.options.items():
        used = bindings_in(value)
        is_absent = not absent.isdisjoint(used)
        what = f"{name}, absent: not sent" if is_absent else name
        steps.append(Waypoint(what, str(authentication.marks.get(name, authentication.at))))
        if not is_absent:
            steps += variable_steps(plan, used)
    return distinct(steps, authentication.at)


def header_origins(request: Request, credentials: Credentials, headers: Iterable[tuple[str, str]]) -> Iterator[Origin]:
    """The origins of those `headers` that neither the document's values nor its authentication put there."""
    explained = {field.name.lower() for field in request.fields if field.place == "header"} | {"cookie"}
    explained |= {name.decode("latin-1").lower() for name, _ in credentials.headers}
    for name, value in headers:
        if name.lower() not in explained:
            source, at = _source(request, name.lower())
            yield Origin(f"header {name}", value, source, at)


def _source(request: Request, header: str) -> tuple[str, str]:
    """Why the gateway sends a header, and what the header comes from."""
    if header == "host":
        return "the host of the base URI", request.operation.consumed.base_origin
    if header == "content-type":
        return f"a body of type {request.body.type}", str(request.body.at or request.operation.at)
    if header == "content-length":
        return "the length of the body", CORE_DISTRIBUTION
    return "the gateway's own", CORE_DISTRIBUTION


def transport_origin(registry: Registry) -> Origin:
    """The transport that sends the request."""
    key = choose(registry).key
    return Origin("sent by", f"transport {key}", "the default transport", owner(registry, f"transport {key}"))
