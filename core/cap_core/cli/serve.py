"""`cap serve`: capabilities as REST and MCP."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import click

from cap_core.cli import startup
from cap_core.cli.command import Command
from cap_core.cli.documents import compile_documents, registry_of
from cap_core.cli.notices import notices, unknown_variables
from cap_core.cli.options import settings_flags
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
from cap_core.server.certificate import Certificate
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
cap serve portkey-batch --set PORTKEY_API_KEY=$KEY \\
    --base-uri portkey-batch=http://127.0.0.1:9999
cap serve --host 0.0.0.0 --caller-auth bearer:GATEWAY_TOKEN \\
    --tls-cert cert.pem --tls-key key.pem
""",
)
@click.argument("capabilities", nargs=-1, metavar="[CAPABILITY]...")
@settings_flags(serving=True, logs=True)
@click.pass_obj
def command(session: Session, settings: Settings, capabilities: tuple[str, ...]) -> int:
    """Serve capabilities; without names, every installed one.

    SIGTERM and Ctrl-C let what is in flight finish (--drain); a second Ctrl-C ends at once. SIGHUP reloads.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # there is nothing to reload yet
    log.configure(settings.log_format, settings.log_level)
    for line in notices(settings):
        _log.warning(line)
    try:
        registry = registry_of(settings, _log.warning)
        plan = served(compile_documents(settings, registry, capabilities), settings)
        refuse_anonymous(plan, settings)
        for line in unknown_variables(settings, _variables(plan)):
            _log.warning(line)
        opening = open_options(settings)
        offered = recording(registry) if settings.access_log else registry
        gateway = Gateway(offered, _listening(settings), opening, on_closed_plan=gc_tuning.freeze)
        certificate = _certificate(settings)
        reloader = Reloader(gateway, registry, settings, session.reread, capabilities, certificate)
        return server.run(_serve(gateway, plan, settings, reloader, certificate))
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


def _variables(plan: Plan) -> Iterator[str]:
    """The names of the variables that documents and `--caller-auth` read."""
    yield from (variable.key for capability in plan.capabilities for variable in capability.variables)


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(head=settings.head_timeout, body=settings.body_timeout, connections=caller_connections())


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificate(settings.tls_cert, settings.tls_key)


async def _serve(
    gateway: Gateway, plan: Plan, settings: Settings, reloader: Reloader, certificate: Certificate | None
) -> int:
    """Bind, open, serve, close. Until every socket is bound and the plan is open, nothing listens."""
    style = log.chosen_format(settings.log_format)
    stop = server.Stop()

    def ready() -> None:
        gc_tuning.freeze()
        startup.report_ready(gateway, style)

    with stop.listening(), contextlib.closing(_Sockets(gateway, plan)) as held:
        try:
            if not await stop.unless_requested(gateway.open(plan, held.ports)):
                return 0
            startup.report_listeners(gateway, style)
            with _following(reloader, stop, reload=settings.reload):
                code = await server.serve(
                    AccessLog(gateway) if settings.access_log else gateway,
                    held.bound,
                    stop,
                    drain=settings.drain,
                    limits=_limits(settings),
                    context=certificate.context if certificate is not None else None,
                    ready=ready,
                )
        finally:
            await stop.unless_forced(gateway.close(), CLOSING)
    startup.report_stopped(style)
    return code


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
def _following(reloader: Reloader, stop: server.Stop, *, reload: bool) -> Iterator[None]:
    """Reload at each SIGHUP; with `reload` at each change of a file, too."""
    tasks = [asyncio.ensure_future(reloader.obey(stop.reload))]
    if reload:
        tasks.append(asyncio.ensure_future(reloader.follow()))
    for task in tasks:
        task.add_done_callback(_log_why_it_ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _log_why_it_ended(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("documents are not followed any more", exc_info=error)
