"""The way of a request from a listener to what answers it: an endpoint of an exposure, or one of our own pages."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.errors import Refusal
from cap_core.plugins.messages import AsgiSend, Endpoint, Receive, Reply, Scope
from cap_core.server import cors
from cap_core.server.admission import Admission, from_elsewhere, is_navigation
from cap_core.server.asgi import answer
from cap_core.server.pages import Pages
from cap_core.server.problems import problem, refused
from cap_core.server.request_headers import read_headers
from cap_core.server.router import Found, WrongMethod
from cap_core.server.routing_table import RoutingTable

OPTIONS = "OPTIONS"

_Matched = Found[Endpoint] | WrongMethod | None


class Dispatch:
    """Admits requests, and finds what answers them."""

    def __init__(self, admission: Admission, pages: Pages) -> None:
        self._admission = admission
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend, table: RoutingTable) -> None:
        """Serve a request to the listener of a table."""
        found: _Matched = table.router.match(scope["method"], scope["raw_path"])
        try:
            headers = read_headers(scope)
            self._admission.check_host(scope, headers)
            if b"origin" in headers:
                origin = self._admission.check_origin(headers)
                if origin is not None:
                    if cors.is_preflight(scope, headers):
                        await answer(send, cors.preflight(origin, headers))
                        return
                    send = cors.sharing(send, origin)
            elif b"sec-fetch-site" in headers:
                self._check_site(scope, headers, found)
        except Refusal as refusal:
            await answer(send, refused(refusal, scope), head=scope["method"] == "HEAD")
            return
        if type(found) is Found and not (found.params and self._pages.has(scope["path"])):
            await found.payload(scope, receive, send, found.params)
        elif self._pages.has(scope["path"]):
            await self._pages(scope, receive, send, table)
        elif _wants_page(scope, headers):
            await answer(send, Reply(302, ((b"location", b"docs"),), b""))
        elif isinstance(found, WrongMethod):
            await answer(send, _wrong_method(found, scope["method"]), head=scope["method"] == "HEAD")
        elif type(other := table.fallbacks.match(scope["method"], scope["raw_path"])) is Found:
            await other.payload(scope, receive, send, other.params)
        else:
            await answer(send, _nothing_here(scope), head=scope["method"] == "HEAD")

    def _check_site(self, scope: Scope, headers: Mapping[bytes, bytes], found: _Matched) -> None:
        """Raise `Refusal` for a request that a foreign page caused, unless it opens one of our own pages."""
        if not self._admission.is_from_elsewhere(headers):
            return
        taken = type(found) is Found and not found.params
        own = not taken and (self._pages.has(scope["path"]) or _wants_page(scope, headers))
        if not (own and is_navigation(scope, headers)):
            raise from_elsewhere()


def _wants_page(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks for the address of the gateway itself, where nothing lives."""
    return (
        scope["raw_path"] == b"/" and scope["method"] in ("GET", "HEAD") and b"text/html" in headers.get(b"accept", b"")
    )


def _nothing_here(scope: Scope) -> Reply:
    what = f"nothing lives at {scope['raw_path'].decode('latin-1')}"
    return problem(Refusal(404, "not-found", what, hint="see /docs"))


def _wrong_method(found: WrongMethod, method: str) -> Reply:
    allow = (b"allow", ", ".join(found.allow).encode())
    if method == OPTIONS:
        return Reply(204, (allow,), b"")
    what = f"this address takes {', '.join(found.allow)}, not {method}"
    return problem(Refusal(405, "method-not-allowed", what, headers=(allow,)))
