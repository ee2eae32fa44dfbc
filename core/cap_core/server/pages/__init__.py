"""The Litestar app of the gateway's own pages: health, the OpenAPI document, and the page to read and try it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Litestar, MediaType, Request, Response, get
from litestar.config.app import AppConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from cap_core.errors import PluginError, Refusal
from cap_core.plan.plan import About
from cap_core.plugins.exposure import MountedExposure
from cap_core.plugins.guard import culprit, message
from cap_core.plugins.messages import Reply
from cap_core.server.asgi import answer
from cap_core.server.faults import refusal_of
from cap_core.server.pages.callers import CHALLENGE, Shown, shown_to_caller
from cap_core.server.problems import problem, refused, request_id
from cap_core.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from cap_core.plugins.messages import AsgiSend, Message, Receive, Scope
    from cap_core.plugins.registry import Registry
    from cap_core.server.routing_table import RoutingTable

_FILES = Path(__file__).parent
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
}

_DOCS = {"/docs": "docs.html", "/docs/docs.css": "docs.css", "/docs/docs.js": "docs.js"}

_OPENAPI = "/openapi.json"
"""Says what is served, so that callers are authenticated for it as for the exposures. The page that shows it names
nothing by itself, and asks for what callers have to show."""


class Pages:
    """The Litestar app, and which paths it has."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._paths = frozenset(route.path for route in app.routes)

    def has(self, path: str) -> bool:
        """Whether there is a page at this path."""
        return path in self._paths or (path.rstrip("/") or "/") in self._paths

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend, table: RoutingTable) -> None:
        """Answer a request to a listener; what is said about exposures is about those that accept the caller."""
        path = scope["path"]
        if path != "/" and path.endswith("/"):
            # The page's links are relative, so that it must not have a second address with a slash.
            location = path.rstrip("/").encode("latin-1", "replace")
            await answer(send, Reply(308, ((b"location", location),), b""))
            return
        try:
            if path == _OPENAPI:
                scope["cap.shown"] = await shown_to_caller(scope, table)
        except Refusal as refusal:
            await answer(send, refused(refusal, scope), head=scope["method"] == "HEAD")
            return
        scope["cap.table"] = table
        if scope["method"] == "HEAD":
            scope["method"], send = "GET", _headless(send)
        await self._app(scope, receive, send)  # type: ignore[arg-type]  # ASGI's own loose types


def _headless(send: AsgiSend) -> AsgiSend:
    """A `send` for HEAD: it drops the body of the answer to GET."""

    async def headless(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return headless


def build_pages(registry: Registry, *, is_draining: Callable[[], bool]) -> Pages:
    """Build the pages, and let plugins change them (`cap_app_init`)."""

    @get("/health/live", media_type=MediaType.JSON, sync_to_thread=False)
    def live() -> dict[str, str]:
        return {"status": "UP"}

    @get("/health/ready", media_type=MediaType.JSON, sync_to_thread=False)
    def ready() -> Response[dict[str, str]]:
        draining = is_draining()
        return Response({"status": "DRAINING" if draining else "UP"}, status_code=503 if draining else 200)

    @get(_OPENAPI, sync_to_thread=False)
    def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        shown: Shown = request.scope["cap.shown"]  # type: ignore[typeddict-item]
        body = msgspec.json.encode(document(request.scope["cap.table"], shown.exposures))  # type: ignore[typeddict-item]
        headers = {CHALLENGE.decode(): shown.challenges.decode("latin-1")} if shown.challenges else {}
        return Response(body, media_type="application/json", headers=headers)

    config = AppConfig(
        route_handlers=[live, ready, openapi, *(_file(path, name) for path, name in _DOCS.items())],
        openapi_config=None,
        exception_handlers={HTTPException: _problem, Exception: _failure},
        request_max_body_size=0,
        logging_config=None,
    )
    return Pages(_app(config, registry))


def _app(config: AppConfig, registry: Registry) -> Litestar:
    """The app, once every plugin has changed its configuration. Raises `PluginError` if one of them breaks it."""
    authors = [registry.plugin_source(impl.plugin_name) for impl in registry.hooks.cap_app_init.get_hookimpls()]
    try:
        registry.hooks.cap_app_init(app_config=config)
        return Litestar.from_config(config)
    except (Exception, SystemExit) as error:
        author = culprit(error) or (authors[0] if len(authors) == 1 else None)
        if author is not None:
            raise author.failed("the pages that cap_app_init adds", error) from error
        if not authors:
            raise
        named = ", ".join(map(str, authors))
        raise PluginError(f"the pages that cap_app_init adds failed, of one of {named}: {message(error)}") from error


def _file(path: str, name: str) -> HTTPRouteHandler:
    """The route of a static file, which is read at each request."""
    file = _FILES / name
    kind = _TYPES[file.suffix]

    @get(path, sync_to_thread=False)
    def page() -> Response[bytes]:
        return Response(file.read_bytes(), media_type=kind, headers=_PAGE_HEADERS)

    return page


def _failure(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A page that fails as a problem document: 500, and a line in the log."""
    scope: Any = request.scope
    reply = problem(refusal_of(error, "the page", scope), None, request_id(scope))
    assert isinstance(reply.body, bytes)
    return Response(reply.body, status_code=reply.status, media_type="application/problem+json")


def _problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own errors as problem documents."""
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "internal")
    reply = problem(Refusal(error.status_code, code, error.detail))
    assert isinstance(reply.body, bytes)
    allow = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return Response(reply.body, status_code=reply.status, media_type="application/problem+json", headers=allow)


def document(table: RoutingTable, exposures: frozenset[str]) -> dict[str, Any]:
    """The OpenAPI document of a listener, with what these exposures serve."""
    out: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": _info(table, exposures),
        "servers": [{"url": table.listener.url}],
        "paths": {},
        "x-cap-capabilities": [_described(about) for about in _abouts(table, exposures)],
    }
    for mounted in table.mounted:
        _merge(out, mounted, exposures)
    return out


def _abouts(table: RoutingTable, exposures: frozenset[str]) -> list[About]:
    return list(dict.fromkeys(e.about for e in table.listener.exposures if e.key in exposures))


def _described(about: About) -> dict[str, Any]:
    """A document's information about itself, without its path."""
    return {key: value for key, value in msgspec.to_builtins(about).items() if value and key != "file"}


def _info(table: RoutingTable, exposures: frozenset[str]) -> dict[str, Any]:
    abouts = _abouts(table, exposures)
    if len(abouts) == 1:
        one = abouts[0]
        return {"title": one.title, "version": one.version or VERSION, "description": one.description}
    return {"title": "Cap", "version": VERSION, "description": "\n".join(f"* {about.title}" for about in abouts)}


def _merge(out: dict[str, Any], mounted: MountedExposure, exposures: frozenset[str]) -> None:
    """Add the part of a mounted exposure: objects are merged, lists are joined."""
    if mounted.openapi is None:
        return
    _into(out, mounted.openapi(exposures))


def _into(out: dict[str, Any], part: Any) -> None:
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            _into(out[key], value)
        elif isinstance(value, list) and isinstance(out.get(key), list):
            out[key] = [*out[key], *value]
        else:
            out[key] = value
