"""The routes of one listener's exposures, each behind the check of its callers."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.exposure import AttachContext, Limits, MountedExposure, Route
from cap_core.plugins.messages import AsgiSend, Endpoint, Receive, Scope
from cap_core.plugins.registry import Registry
from cap_core.runtime.open import OpenedPlan
from cap_core.server.asgi import answer
from cap_core.server.authenticator import ExposureAuthenticator
from cap_core.server.listeners import Listener
from cap_core.server.problems import problem, refused
from cap_core.server.router import Router
from cap_core.syntax.path_template import shape


class RoutingTable(msgspec.Struct, frozen=True, kw_only=True):
    """A listener's routes and the mounted exposures behind them, for one generation.

    `fallbacks` has the routes of paths that neither `router` nor a page of the gateway has.
    """

    listener: Listener
    router: Router[Endpoint]
    fallbacks: Router[Endpoint]
    mounted: tuple[MountedExposure, ...]
    authenticator: ExposureAuthenticator


def build_table(listener: Listener, opened: OpenedPlan, registry: Registry, limits: Limits) -> RoutingTable:
    """Mount the exposures of a listener, each type by its plugin, and route what they serve."""
    authenticator = ExposureAuthenticator(opened, listener, registry)
    mounted = tuple(
        registry.exposures[type_].attach(
            AttachContext(
                exposures=tuple(e for e in listener.exposures if e.type == type_),
                runs=opened.runs,
                authenticator=authenticator,
                limits=limits,
                upstreams=opened.upstreams,
            )
        )
        for type_ in dict.fromkeys(exposure.type for exposure in listener.exposures)
    )
    routes = [route for exposure in mounted for route in exposure.routes]
    return RoutingTable(
        listener=listener,
        router=_router((route for route in routes if not route.fallback), authenticator),
        fallbacks=_router((route for route in routes if route.fallback), authenticator),
        mounted=mounted,
        authenticator=authenticator,
    )


def _router(routes: Iterable[Route], authenticator: ExposureAuthenticator) -> Router[Endpoint]:
    return Router.build(list(_entries(routes, authenticator)))


def _entries(routes: Iterable[Route], authenticator: ExposureAuthenticator) -> Iterable[tuple[str, str, Endpoint]]:
    """Every route at its prefixed address, and at its bare one if that is unique; else an answer about the conflict."""
    bare: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        endpoint = _authenticated(route, authenticator)
        if route.prefix:
            yield route.method, route.prefix + route.template, endpoint
        if route.bare or not route.prefix:
            bare.setdefault((route.method, shape(route.template)), []).append(route)
    for (method, _), same in bare.items():
        owners = dict.fromkeys(route.owner for route in same)
        first = same[0]
        if len(owners) == 1:
            yield method, first.template, _authenticated(first, authenticator)
        else:
            yield method, first.template, _clash(same)


def _authenticated(route: Route, authenticator: ExposureAuthenticator) -> Endpoint:
    exposure = route.guard
    if exposure is None or not authenticator.requires_caller(exposure):
        return route.endpoint
    endpoint = route.endpoint

    async def authenticated(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        try:
            scope["cap.caller"] = await authenticator.authenticate(exposure, scope, dict(scope["headers"]))
        except Refusal as refusal:
            await answer(send, refused(refusal, scope), head=scope["method"] == "HEAD")
            return
        await endpoint(scope, receive, send, params)

    return authenticated


def _clash(routes: list[Route]) -> Endpoint:
    places = " and ".join(f"{route.prefix}{route.template}" for route in routes)
    what = f"several capabilities serve {routes[0].template}; they are at {places}"

    async def clash(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        refusal = Refusal(404, "ambiguous-address", what)
        await answer(send, problem(refusal), head=scope["method"] == "HEAD")

    return clash
