"""The upstream itself: requests to routes, routes to acts, acts in one transaction each."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec

from cap_core.errors import UpstreamError
from cap_core.router import Found, Router, WrongMethod
from cap_plugins.transport.sandbox import answers, asked, paths, tree
from cap_plugins.transport.sandbox.acts import Act, Asked, act
from cap_plugins.transport.sandbox.answers import Lines, Wrong
from cap_plugins.transport.sandbox.database import Databases, Item, State
from cap_plugins.transport.sandbox.resources import Resources

if TYPE_CHECKING:
    from cap_core.context import Context
    from cap_core.offers import OpenAt
    from cap_core.types import Request, Response, Send


class Route(msgspec.Struct, frozen=True):
    """What is done at an address, and where the identifiers stand among its path's values."""

    act: Act
    slots: tuple[tuple[int, ...], ...]

    def ids(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The identifiers in a path's values; one of several values is all of them."""
        return tuple(",".join(values[n] for n in slot) for slot in self.slots)


@contextlib.asynccontextmanager
async def opened(at: OpenAt, databases: Databases) -> AsyncIterator[Send]:
    """Open the upstream of one namespace. Raises `StartError` for a file that it cannot keep its state in."""
    with databases.using(at.state) as database:
        yield _send(routes(at), database.state(at.namespace), asked.withheld(at))


def routes(at: OpenAt) -> Router[Route]:
    """The routes of a namespace. Operations at one address are one route, whatever literal queries their paths have."""
    found = [(path, operation) for operation in at.operations if (path := paths.read(operation)) is not None]
    root = tree.grow(found)
    resources = Resources(root)
    entries = []
    for path, operation in found:
        slots = tuple(step.values for step in path.steps if step.kind == "slot")
        for method in ("GET", "HEAD") if operation.method in ("GET", "HEAD") else (operation.method,):
            route = Route(act(tree.end_of(root, path), "GET" if method == "HEAD" else method, resources), slots)
            entries.append((method, at.prefix + path.template or "/", route))
    return Router.build(entries)


def _send(router: Router[Route], state: State, withheld: frozenset[str]) -> Send:
    async def send(request: Request, context: Context) -> Response:
        try:
            _in_time(context)
            response = await _answer(request, context, router, state, withheld)
        except Wrong as wrong:
            response = answers.error(wrong)
        except sqlite3.Error as error:
            raise UpstreamError("reset", f"the sandbox's state cannot be used: {error}") from error
        finally:
            if not isinstance(request.body, bytes):
                await request.body.aclose()
        return answers.without_body(response) if request.method == "HEAD" else response

    return send


async def _answer(
    request: Request, context: Context, router: Router[Route], state: State, withheld: frozenset[str]
) -> Response:
    query = asked.query(request)
    found = _routed(router, request)
    route = found.payload
    whole = await asked.body(request, context)
    members = asked.members(request, whole)
    kept = {name: value for name, value in members.items() if name not in withheld}
    # Nothing is awaited from here on, so no other request comes between.
    with state.transaction():
        data = route.act(state, Asked(route.ids(found.params), query, kept))
    return _encoded(data, streamed=request.method == "POST" and members.get("stream") is True)


def _in_time(context: Context) -> None:
    if context.deadline is not None and asyncio.get_running_loop().time() >= context.deadline:
        raise UpstreamError("total", "the time for this call ran out before it was sent", sent=False)


def _routed(router: Router[Route], request: Request) -> Found[Route]:
    path, _, _ = request.target.partition(b"?")
    found = router.match(request.method, path)
    if isinstance(found, WrongMethod):
        allow = ", ".join(method for method in found.allow if method != "OPTIONS")
        what = f"{path.decode('latin-1')} takes {allow}, not {request.method}"
        raise Wrong(405, "method_not_allowed", what, ((b"allow", allow.encode()),))
    if found is None:
        raise Wrong(404, "not_found", f"nothing lives at {path.decode('latin-1')}")
    return found


def _encoded(data: Item | Lines, *, streamed: bool) -> Response:
    if isinstance(data, Lines):
        return answers.lines(data)
    return answers.events(data) if streamed else answers.json(data)
