"""The exposure `type: rest`: exposed operations as an HTTP API.

`model` is what documents declare, `endpoint` answers a request, with `text_inputs` and `request_body` for its inputs;
`openapi` describes all of it. Imports the core's plugin interfaces, plan, document model, router, ASGI helpers
and errors, and nothing of the other plugins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cap_core.plugins.exposure import AttachContext, Exposure, MountedExposure, Route
from cap_core.plugins.hookspecs import hookimpl
from cap_core.server.asgi import EventStreams
from cap_core.syntax.path_template import balanced, shape
from cap_plugins.expose.rest.endpoint import compile_endpoint, compile_rejected
from cap_plugins.expose.rest.links import Back, compile_back, owners_of_routes
from cap_plugins.expose.rest.model import RestEntry, declared
from cap_plugins.expose.rest.openapi import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cap_core.plan.exposed import ExposedOperation
    from cap_core.plan.plan import ExposurePlan
    from cap_core.plugins.messages import Endpoint


def attach(at: AttachContext) -> MountedExposure:
    """One listener's REST exposures as raw endpoints, with their description."""
    streams = EventStreams()
    backs = _backs(at)
    routes = tuple(
        route for exposure in at.exposures for route in _routes(exposure, at, streams, backs[exposure.about.name])
    )
    return MountedExposure(routes=routes, openapi=lambda shown: describe(at.exposures, shown), drain=streams.drain)


def _backs(at: AttachContext) -> Mapping[str, Back | None]:
    """For each capability the function that leads its callers back to the gateway."""
    bare = frozenset(route for route, owners in owners_of_routes(at.exposures).items() if len(owners) == 1)
    names = dict.fromkeys(exposure.about.name for exposure in at.exposures)
    return {name: compile_back(name, at.exposures, at.upstreams, bare) for name in names}


def _routes(exposure: ExposurePlan, at: AttachContext, streams: EventStreams, back: Back | None) -> Iterator[Route]:
    taken = set()
    for call in exposure.calls:
        taken.add((call.exposed.method, shape(call.exposed.path or "")))
        yield _route(exposure, call.exposed, compile_endpoint(call, at.runs[call.key], at.limits.body, streams, back))
    for rejected in exposure.rejected:
        exposed = rejected.exposed
        # No request can reach an address whose braces are not balanced, or one that an operation before it has.
        if balanced(exposed.path or "") and (exposed.method, shape(exposed.path or "")) not in taken:
            yield _route(exposure, exposed, compile_rejected(rejected, exposure.about))


def _route(exposure: ExposurePlan, exposed: ExposedOperation, endpoint: Endpoint) -> Route:
    return Route(
        method=exposed.method or "GET",
        template=exposed.path or "/",
        endpoint=endpoint,
        owner=exposure.about.name,
        prefix=f"/{exposure.about.name}",
        guard=exposure.key,
    )


@hookimpl
def cap_exposures() -> list[Exposure[RestEntry]]:
    """Offer REST."""
    return [Exposure(key="rest", options=RestEntry, default_port=8080, declared=declared, attach=attach)]
