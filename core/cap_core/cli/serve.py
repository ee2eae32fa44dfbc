"""`cap serve`: capabilities as REST and MCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import click
import structlog

from cap_core import log, memory, server, sockets
from cap_core.access import AccessLog
from cap_core.cli import startup
from cap_core.cli.documents import documents, offers_of
from cap_core.cli.live import Live
from cap_core.cli.options import Command, Session, settings_flags
from cap_core.cli.policy import refuse_anonymous, served
from cap_core.cli.running import open_options
from cap_core.errors import CapError
from cap_core.gateway import Gateway, ListenOptions, listeners
from cap_core.plan import Plan
from cap_core.settings import Settings
from cap_core.sockets import Wanted

_log = structlog.get_logger("cap.serve")

CLOSING = 5.0
"""Seconds that pools and plugins get to close."""


@click.command(
    "serve",
    cls=Command,
    examples="""
cap serve portkey-batch.yaml
cap serve documents/ --port 8080 --reload
cap serve portkey-batch --set PORTKEY_API_KEY=$KEY --base-uri portkey-batch=http://127.0.0.1:9999
cap serve --host 0.0.0.0 --caller-auth bearer:GATEWAY_TOKEN --tls-cert cert.pem --tls-key key.pem
""",
)
@click.argument("capabilities", nargs=-1, metavar="[CAPABILITY]...")
@settings_flags(serving=True)
@click.pass_obj
def command(session: Session, settings: Settings, capabilities: tuple[str, ...]) -> int:
    """Serve capabilities; without names, every installed one.

    SIGTERM and Ctrl-C let what is in flight finish (--drain); a second Ctrl-C ends at once.
    """
    log.configure(settings.log_format, settings.log_level)
    try:
        offers = offers_of(settings)
        plan = served(documents(settings, offers, capabilities), keep_going=settings.keep_going)
        refuse_anonymous(plan, settings)
        opening = open_options(settings)
        gateway = Gateway(offers, _listening(settings), opening, on_closed_plan=memory.settle)
        live = Live(gateway, offers, settings, session.again, capabilities)
        return server.run(_serve(gateway, plan, settings, live))
    except CapError as error:
        if log.chosen_format(settings.log_format) == "console":
            raise
        # Whoever reads the log as JSON finds the reason in it.
        _log.error(str(error))
        return error.exit_code


def _listening(settings: Settings) -> ListenOptions:
    return ListenOptions(
        host=settings.host,
        port=settings.port,
        public_url=settings.public_url,
        tls=settings.tls_cert is not None,
        allow_hosts=settings.allow_hosts,
        allow_origins=settings.allow_origins,
    )


async def _serve(gateway: Gateway, plan: Plan, settings: Settings, live: Live) -> int:
    """Bind, open, serve, close. Until every socket is bound and the plan is open, nothing listens."""
    style = log.chosen_format(settings.log_format)
    context = server.tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    stop = server.Stop()

    def ready() -> None:
        memory.settle()
        startup.ready(gateway, style)

    with stop.listening(), contextlib.closing(_Sockets(gateway, plan)) as held:
        try:
            if not await stop.unless_asked(gateway.open(plan, held.ports)):
                return 0
            startup.tell(gateway, style)
            with _following(live, reload=settings.reload):
                return await server.serve(
                    AccessLog(gateway) if settings.access_log else gateway,
                    held.bound,
                    stop,
                    drain=settings.drain,
                    context=context,
                    ready=ready,
                )
        finally:
            await stop.unless_forced(gateway.close(), CLOSING)


class _Sockets:
    """The sockets of a plan's listeners."""

    def __init__(self, gateway: Gateway, plan: Plan) -> None:
        wanted = listeners(plan, gateway.options)
        self.bound = sockets.bind(
            [Wanted(one.host, one.port, ", ".join(exposure.key for exposure in one.exposures[:3])) for one in wanted]
        )
        self.ports = {one.wanted.port: one.port for one in self.bound}

    def close(self) -> None:
        """Let go of them."""
        sockets.close(self.bound)


@contextlib.contextmanager
def _following(live: Live, *, reload: bool) -> Iterator[None]:
    task = asyncio.ensure_future(live.follow()) if reload else None
    if task is not None:
        task.add_done_callback(_say_why_it_ended)
    try:
        yield
    finally:
        if task is not None:
            task.cancel()


def _say_why_it_ended(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("documents are not followed any more", exc_info=error)
