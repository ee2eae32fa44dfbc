"""The gateway: one ASGI app for all listeners, whose plan can be replaced while it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from cap_core.errors import CapError, Refusal
from cap_core.logging import redaction
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import Plan
from cap_core.plugins.messages import AsgiApp, AsgiSend, Message, Receive, Scope
from cap_core.plugins.registry import Registry
from cap_core.runtime.destinations import Destination
from cap_core.runtime.open import OpenedPlan, close, open_plan
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.pools import Pools, choose
from cap_core.server.admission import Admission
from cap_core.server.asgi import answer
from cap_core.server.dispatch import Dispatch
from cap_core.server.failure_log import FailureLog
from cap_core.server.faults import answer_failure, guarded_app
from cap_core.server.listeners import ListenOptions, listeners
from cap_core.server.pages import build_pages
from cap_core.server.problems import REFUSED, problem
from cap_core.server.routing_table import RoutingTable, build_table

_log = get_logger("cap.gateway")


class Generation:
    """One plan, opened and routed. It closes when its last request has ended."""

    def __init__(self, plan: Plan, opened: OpenedPlan, tables: Mapping[int, RoutingTable]) -> None:
        self.plan = plan
        self.opened = opened
        self.tables = tables
        self.active = 0
        """How many requests it serves."""
        self._idle: asyncio.Event | None = None

    def enter(self) -> None:
        """A request begins."""
        self.active += 1

    def leave(self) -> None:
        """A request has ended."""
        self.active -= 1
        if self._idle is not None and not self.active:
            self._idle.set()

    async def last_request(self) -> None:
        """Return when no request is served any more; none may begin from now on."""
        if self.active:
            self._idle = asyncio.Event()
            await self._idle.wait()


class Gateway:
    """One ASGI app for all listeners. The local port of a connection decides which listener's routes count.

    `on_closed_plan` is called when a plan that was replaced has answered its last request and is closed.
    """

    def __init__(
        self,
        registry: Registry,
        options: ListenOptions,
        opening: OpenOptions,
        *,
        on_closed_plan: Callable[[], None] = lambda: None,
    ) -> None:
        self.registry = registry
        self.options = options
        self.opening = opening
        self.draining = False
        self._failures = FailureLog()
        self._on_closed_plan = on_closed_plan
        self._pools = Pools(choose(registry, opening.transport))
        self._current: Generation | None = None
        self._changing = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()
        self._leaving: set[Generation] = set()
        pages = build_pages(registry, is_draining=lambda: self.draining)
        self._dispatch = Dispatch(self._admission(), pages)
        self._app = self._wrapped()

    # --- generations ------------------------------------------------------------------------------------------------

    async def open(self, plan: Plan, bound: Mapping[int, int] | None = None) -> None:
        """Open a plan and serve it. `bound` maps the listeners' ports to the real ones, which differ for port 0."""
        self._bound = dict(bound or {})
        async with self._changing:
            self._current = await self._generation(plan)

    async def replace(self, plan: Plan) -> None:
        """Open a new plan beside the old one, and serve it; the old one closes when its last request has ended.

        One replacement follows another. Raises `CapError` if the new plan does not open or needs other ports; the old
        one is then served on. Raises it also once the gateway is closed.
        """
        async with self._changing:
            await self._replace(plan)

    async def _replace(self, plan: Plan) -> None:
        old = self._current
        if old is None:
            raise CapError("the gateway is closed")
        wanted = {listener.port for listener in listeners(plan, self.options)}
        have = {table.listener.port for table in old.tables.values()}
        if {self._bound.get(port, port) for port in wanted} - have:
            listed = ", ".join(str(port) for port in sorted(wanted - have))
            raise CapError(f"the new documents want port {listed}, which is not open", hint="restart to listen there")
        new = await self._generation(plan)
        self._current = new
        task = asyncio.create_task(self._retire(old))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _generation(self, plan: Plan) -> Generation:
        opened = await open_plan(plan, self._failures.watching(self.registry), self.opening, self._pools)
        redaction.redact(opened.secrets)
        try:
            return Generation(plan, opened, self._tables(plan, opened))
        except BaseException:
            await close(opened.leases, self._pools)
            raise

    def _tables(self, plan: Plan, opened: OpenedPlan) -> dict[int, RoutingTable]:
        tables: dict[int, RoutingTable] = {}
        for listener in listeners(plan, self.options):
            port = self._bound.get(listener.port, listener.port)
            if port != listener.port:
                url = listener.url.replace(f":{listener.port}", f":{port}")
                listener = msgspec.structs.replace(listener, port=port, url=url)
            tables[port] = build_table(listener, opened, self.registry, self.opening.limits)
        return tables

    async def _retire(self, old: Generation) -> None:
        for table in old.tables.values():
            for exposure in table.mounted:
                if exposure.replaced is not None:
                    exposure.replaced()
        self._leaving.add(old)
        await old.last_request()
        self._leaving.discard(old)
        await close(old.opened.leases, self._pools)
        self._on_closed_plan()

    def drain(self) -> None:
        """Become not ready: every further answer closes its connection, and open event streams end."""
        self.draining = True
        current = [self._current] if self._current is not None else []
        for generation in (*current, *self._leaving):
            for exposure in (one for table in generation.tables.values() for one in table.mounted):
                if exposure.drain is not None:
                    exposure.drain()

    async def close(self) -> None:
        """Close every pool; called after the last request. A replacement that has begun ends before."""
        self._failures.close()
        async with self._changing:
            if self._retiring:
                await asyncio.gather(*self._retiring)
            if self._current is not None:
                current, self._current = self._current, None
                await close(current.opened.leases, self._pools)

    # --- for people -------------------------------------------------------------------------------------------------

    @property
    def tables(self) -> Mapping[int, RoutingTable]:
        """The listeners of the current plan, by port."""
        return self._current.tables if self._current is not None else {}

    @property
    def plan(self) -> Plan:
        """The plan that is served now."""
        return self._current.plan if self._current is not None else Plan(())

    @property
    def local(self) -> bool:
        """Whether nothing leaves the process, as in the sandbox."""
        return self._pools.local

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """The hosts that each variable is sent to."""
        return self._current.opened.destinations if self._current is not None else ()

    # --- requests ---------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """Serve one connection event (ASGI 3)."""
        await self._app(scope, receive, send)

    def _wrapped(self) -> AsgiApp:
        app: AsgiApp = self._serve
        for wrapper in reversed(self.registry.asgi):
            wrapped = wrapper.wrap(app)
            if wrapped is not app:
                app = guarded_app(wrapped, f"the asgi wrapper {wrapper.key}")
        return app

    def _admission(self) -> Admission:
        own = self.options.public_url
        hosts = (*self.options.allow_hosts, *([own.split("://", 1)[-1].partition("/")[0]] if own else ()))
        origins = (*self.options.allow_origins, *(["/".join(own.split("/", 3)[:3])] if own else ()))
        return Admission(self.options.host, hosts, origins)

    async def _serve(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        if scope["type"] != "http":
            return
        generation = self._current
        if self.draining:
            send = _closing(send)
        if generation is None:
            await answer(send, problem(Refusal(503, "not-configured", "the gateway is not open")))
            return
        table = generation.tables.get(scope["server"][1])
        if table is None:
            await answer(send, problem(Refusal(404, "not-found", "no listener of this gateway has this port")))
            return
        generation.enter()
        try:
            await self._dispatch(scope, receive, send, table)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            await answer_failure(error, "the endpoint of this address", scope, send)
        finally:
            if REFUSED in scope:
                self._failures.refused(scope)
            generation.leave()


def _closing(send: AsgiSend) -> AsgiSend:
    """A `send` whose answer closes its connection."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return closing
