"""The upstream of one namespace: routes a request, and runs its action in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from cap_core.errors import UpstreamError
from cap_core.server.router import Found, Router, WrongMethod
from cap_plugins.transport.sandbox.database import Databases, Item, State
from cap_plugins.transport.sandbox.request import (
    SandboxRequest,
    body_members,
    credential_members,
    query_parameters,
    read_body,
)
from cap_plugins.transport.sandbox.responses import (
    JsonLines,
    RequestError,
    error_response,
    event_stream_response,
    json_lines_response,
    json_response,
    without_body,
)
from cap_plugins.transport.sandbox.routes import Route, routes

if TYPE_CHECKING:
    from cap_core.plugins.context import Context, Send
    from cap_core.plugins.messages import HttpRequest, HttpResponse
    from cap_core.plugins.transport import TransportContext


@contextlib.asynccontextmanager
async def open_upstream(at: TransportContext, databases: Databases) -> AsyncIterator[Send]:
    """Open the upstream of one namespace. Raises `StartError` for a file that cannot hold its state."""
    with databases.using(at.state) as database:
        yield _send(routes(at), database.state(at.namespace), credential_members(at))


def _send(router: Router[Route], state: State, credentials: frozenset[str]) -> Send:
    async def send(request: HttpRequest, context: Context) -> HttpResponse:
        try:
            _check_deadline(context)
            response = await _respond(request, context, router, state, credentials)
        except RequestError as failure:
            response = error_response(failure)
        except sqlite3.Error as error:
            raise UpstreamError("reset", f"the sandbox's state cannot be used: {error}") from error
        finally:
            if not isinstance(request.body, bytes):
                await request.body.aclose()
        return without_body(response) if request.method == "HEAD" else response

    return send


async def _respond(
    request: HttpRequest, context: Context, router: Router[Route], state: State, credentials: frozenset[str]
) -> HttpResponse:
    query = query_parameters(request)
    found = _match(router, request)
    route = found.payload
    whole = await read_body(request, context)
    members = body_members(request, whole)
    given = {name: value for name, value in members.items() if name not in credentials}
    # Nothing is awaited from here on, so no other request of this process interrupts the transaction.
    with state.transaction():
        data = route.action(state, SandboxRequest(route.ids(found.params), query, given))
    return _encoded(data, streamed=request.method == "POST" and members.get("stream") is True)


def _check_deadline(context: Context) -> None:
    if context.deadline is not None and asyncio.get_running_loop().time() >= context.deadline:
        raise UpstreamError("total", "the time for this call ran out before it was sent", sent=False)


def _match(router: Router[Route], request: HttpRequest) -> Found[Route]:
    path, _, _ = request.target.partition(b"?")
    found = router.match(request.method, path)
    if isinstance(found, WrongMethod):
        allow = ", ".join(method for method in found.allow if method != "OPTIONS")
        what = f"{path.decode('latin-1')} takes {allow}, not {request.method}"
        raise RequestError(405, "method_not_allowed", what, ((b"allow", allow.encode()),))
    if found is None:
        raise RequestError(404, "not_found", f"nothing lives at {path.decode('latin-1')}")
    return found


def _encoded(data: Item | JsonLines, *, streamed: bool) -> HttpResponse:
    if isinstance(data, JsonLines):
        return json_lines_response(data)
    return event_stream_response(data) if streamed else json_response(data)
