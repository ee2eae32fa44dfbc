"""`cap serve`: capabilities as REST and MCP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import click

from cap_core.cli import startup
from cap_core.cli.documents import compile_documents, registry_of
from cap_core.cli.options import Command, settings_flags, unread_files
from cap_core.cli.options_from_settings import open_options
from cap_core.cli.reloader import Reloader
from cap_core.cli.serve_policy import refuse_anonymous, served
from cap_core.cli.session import Session
from cap_core.errors import CapError
from cap_core.logging import log
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import Plan
from cap_core.server import gc_tuning, server, sockets
from cap_core.server.access_log import AccessLog, recording
from cap_core.server.connection_limits import ConnectionLimits, caller_connections
from cap_core.server.gateway import Gateway
from cap_core.server.listeners import Listener, ListenOptions, listeners
from cap_core.server.sockets import ListenAddress
from cap_core.settings.table import Settings

_log = get_logger("cap.serve")

CLOSING = 5.0
"""Seconds that pools and plugins have to close."""


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
@settings_flags(serving=True, logs=True)
@click.pass_obj
def command(session: Session, settings: Settings, capabilities: tuple[str, ...]) -> int:
    """Serve capabilities; without names, every installed one.

    SIGTERM and Ctrl-C let what is in flight finish (--drain); a second Ctrl-C ends at once.
    """
    log.configure(settings.log_format, settings.log_level)
    for line in unread_files(settings):
        _log.warning(line)
    try:
        registry = registry_of(settings)
        plan = served(compile_documents(settings, registry, capabilities), settings)
        refuse_anonymous(plan, settings)
        opening = open_options(settings)
        offered = recording(registry) if settings.access_log else registry
        gateway = Gateway(offered, _listening(settings), opening, on_closed_plan=gc_tuning.freeze)
        reloader = Reloader(gateway, registry, settings, session.reread, capabilities)
        return server.run(_serve(gateway, plan, settings, reloader))
    except CapError as error:
        if log.chosen_format(settings.log_format) == "console":
            raise
        # A JSON log has to contain the reason too.
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


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(head=settings.head_timeout, body=settings.body_timeout, connections=caller_connections())


async def _serve(gateway: Gateway, plan: Plan, settings: Settings, reloader: Reloader) -> int:
    """Bind, open, serve, close. Until every socket is bound and the plan is open, nothing listens."""
    style = log.chosen_format(settings.log_format)
    context = server.tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    stop = server.Stop()

    def ready() -> None:
        gc_tuning.freeze()
        startup.report_ready(gateway, style)

    with stop.listening(), contextlib.closing(_Sockets(gateway, plan)) as held:
        try:
            if not await stop.unless_requested(gateway.open(plan, held.ports)):
                return 0
            startup.report_listeners(gateway, style)
            with _following(reloader, reload=settings.reload):
                return await server.serve(
                    AccessLog(gateway) if settings.access_log else gateway,
                    held.bound,
                    stop,
                    drain=settings.drain,
                    limits=_limits(settings),
                    context=context,
                    ready=ready,
                )
        finally:
            await stop.unless_forced(gateway.close(), CLOSING)


def _address(listener: Listener) -> ListenAddress:
    """The address of a listener, with the first exposures that are served there."""
    return ListenAddress(listener.host, listener.port, ", ".join(exposure.key for exposure in listener.exposures[:3]))


class _Sockets:
    """The sockets of a plan's listeners."""

    def __init__(self, gateway: Gateway, plan: Plan) -> None:
        self.bound = sockets.bind([_address(listener) for listener in listeners(plan, gateway.options)])
        self.ports = {one.requested.port: one.port for one in self.bound}

    def close(self) -> None:
        """Close them."""
        sockets.close(self.bound)


@contextlib.contextmanager
def _following(reloader: Reloader, *, reload: bool) -> Iterator[None]:
    task = asyncio.ensure_future(reloader.follow()) if reload else None
    if task is not None:
        task.add_done_callback(_log_why_it_ended)
    try:
        yield
    finally:
        if task is not None:
            task.cancel()


def _log_why_it_ended(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("documents are not followed any more", exc_info=error)
