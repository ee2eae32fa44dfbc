"""What one listener serves: its exposures' faces, routed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from cap_core.asgi import answer
from cap_core.errors import Refusal
from cap_core.offers import AttachAt, Face, Limits, Route
from cap_core.opening import Opened
from cap_core.plan import ExposurePlan
from cap_core.plugins import Offers
from cap_core.problems import problem
from cap_core.router import Router, shape
from cap_core.types import AsgiSend, Caller, Endpoint, Incoming, Receive, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and which exposures live there. `url` is what it calls itself in metadata."""

    host: str
    port: int
    url: str
    exposures: tuple[ExposurePlan, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A listener's compiled routes and the faces behind them, for one generation."""

    listener: Listener
    router: Router[Endpoint]
    faces: tuple[Face, ...]
    guards: Guards


class Guards:
    """Lets callers in, exposure by exposure; what the core does for endpoints (`cap_core.offers.Host`)."""

    def __init__(self, opened: Opened, url: str) -> None:
        self._checks = opened.guards
        self._url = url

    @property
    def public_url(self) -> str:
        """What the listener calls itself."""
        return self._url

    def guarded(self, exposure: str) -> bool:
        """Whether an exposure asks its callers who they are."""
        return exposure in self._checks

    async def enter(self, exposure: str, scope: Mapping[str, object], headers: Mapping[bytes, bytes]) -> Caller | None:
        """Check a caller. Raises `Refusal` 401 or 403; None where nobody is asked."""
        check = self._checks.get(exposure)
        if check is None:
            return None
        query = scope["query_string"]
        path = scope.get("raw_path") or b""
        assert isinstance(path, bytes)
        assert isinstance(query, bytes)
        return await check(Incoming(str(scope["method"]), path, query, headers))


def build_table(listener: Listener, opened: Opened, offers: Offers, limits: Limits) -> Table:
    """Let each exposure type attach its exposures on this listener, and route what they give."""
    guards = Guards(opened, listener.url)
    faces = tuple(
        offers.exposures[type_].attach(
            AttachAt(
                exposures=tuple(e for e in listener.exposures if e.type == type_),
                runs=opened.runs,
                host=guards,
                limits=limits,
            )
        )
        for type_ in dict.fromkeys(exposure.type for exposure in listener.exposures)
    )
    entries = list(_entries((route for face in faces for route in face.routes), guards))
    return Table(listener=listener, router=Router.build(entries), faces=faces, guards=guards)


def _entries(routes: Iterable[Route], guards: Guards) -> Iterable[tuple[str, str, Endpoint]]:
    """Every route at its prefixed address, and at its bare one while that is unique; a clash says so to callers."""
    bare: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        endpoint = _guarded(route, guards)
        if route.prefix:
            yield route.method, route.prefix + route.template, endpoint
        if route.bare or not route.prefix:
            bare.setdefault((route.method, shape(route.template)), []).append(route)
    for (method, _), same in bare.items():
        owners = dict.fromkeys(route.owner for route in same)
        first = same[0]
        if len(owners) == 1:
            yield method, first.template, _guarded(first, guards)
        else:
            yield method, first.template, _clash(same)


def _guarded(route: Route, guards: Guards) -> Endpoint:
    exposure = route.guard
    if exposure is None or not guards.guarded(exposure):
        return route.endpoint
    endpoint = route.endpoint

    async def guarded(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        try:
            scope["cap.caller"] = await guards.enter(exposure, scope, dict(scope["headers"]))
        except Refusal as refusal:
            await answer(send, problem(refusal), head=scope["method"] == "HEAD")
            return
        await endpoint(scope, receive, send, params)

    return guarded


def _clash(routes: list[Route]) -> Endpoint:
    places = " and ".join(f"{route.prefix}{route.template}" for route in routes)
    what = f"several capabilities serve {routes[0].template}; they are at {places}"

    async def clash(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        refusal = Refusal(404, "ambiguous-address", what)
        await answer(send, problem(refusal), head=scope["method"] == "HEAD")

    return clash
