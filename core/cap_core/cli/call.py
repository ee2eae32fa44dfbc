"""`cap call`: one call from the shell, through the same code that serves it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine, Mapping
from typing import Any

import click
from msgspec.structs import replace

from cap_core.cli.answers import show
from cap_core.cli.arguments import read_arguments
from cap_core.cli.command import Command
from cap_core.cli.documents import registry_of, single_plan
from cap_core.cli.options import settings_flags
from cap_core.cli.options_from_settings import open_options
from cap_core.errors import CapError, Refusal, UpstreamError
from cap_core.explain.find_operation import find_call
from cap_core.logging import log, redaction
from cap_core.plan.call import Call
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.flow import Mapped
from cap_core.plan.plan import CapabilityPlan, Plan
from cap_core.plugins.context import Context
from cap_core.plugins.registry import Registry
from cap_core.runtime.open import close, open_plan
from cap_core.runtime.pools import Pools, choose
from cap_core.settings.table import Settings


@click.command(
    "call",
    cls=Command,
    examples="""
cap call portkey-batch.yaml listbatches limit=10
cap call portkey-batch 'POST /v1/batches' body:=@batch.json
cap call portkey-batch retrievebatch batch_id=b-1 -i --sandbox
cap call portkey-batch portkey-batch.retrievebatch batch_id=b-1 \\
    --base-uri portkey-batch=http://127.0.0.1:9999
""",
)
@click.argument("capability")
@click.argument("operation")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("-i", "--include", "head", is_flag=True, help="Show the status, the headers and the time too.")
@click.option("--raw", is_flag=True, help="Show the decoded answer, before outputs are mapped.")
@settings_flags()
def command(settings: Settings, capability: str, operation: str, inputs: tuple[str, ...], head: bool, raw: bool) -> int:
    """Carry out one call and print its result.

    OPERATION is a tool's name, 'METHOD /exposed/path', or namespace.operation. INPUT is NAME=TEXT, which is read as the
    input's type, NAME:=JSON, or NAME=@FILE and NAME:=@FILE for what a file holds (- is stdin). A list may be given by
    repeating its name.

    On a terminal JSON is indented; a pipe or file gets the bytes of the answer. Exits with 1 where the call is refused,
    the upstream answers with an error, or redirects to where the gateway does not follow.
    """
    log.configure(settings.log_format, settings.log_level if settings.origin("log-level") != "default" else "warning")
    registry = registry_of(settings)
    plan = single_plan(settings, registry, capability)
    call = find_call(plan, operation)
    if raw:
        plan, call = _unmapped(plan, call)
    try:
        values = read_arguments(inputs, call.inputs)
        return asyncio.run(_until_interrupted(_carry_out(plan, call, values, registry, settings, head=head)))
    except Refusal as refusal:
        raise CapError(refusal.detail, hint=refusal.hint) from None
    except UpstreamError as error:
        raise CapError(f"the answer of {call.describes.address} was cut short: {error.detail}") from None


def _unmapped(plan: CapabilityPlan, call: Call) -> tuple[CapabilityPlan, Call]:
    """A call whose result is the decoded answer as a whole, in its plan."""
    if not isinstance(call.flow.result, Mapped):
        return plan, call
    result = Mapped((DeclaredOutput(at=call.exposed.at),))
    raw = replace(call, flow=replace(call.flow, result=result))
    exposures = tuple(
        replace(exposure, calls=tuple(raw if one is call else one for one in exposure.calls))
        for exposure in plan.exposures
    )
    return replace(plan, exposures=exposures), raw


async def _until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """Do the work until Ctrl-C, after which the connections are closed; a second one ends the process at once."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        raise click.Abort from None


async def _carry_out(
    plan: CapabilityPlan,
    call: Call,
    values: Mapping[str, object],
    registry: Registry,
    settings: Settings,
    *,
    head: bool,
) -> int:
    options = open_options(settings)
    pools = Pools(choose(registry, options.transport))
    opened = await open_plan(Plan((plan,)), registry, options, pools)
    redaction.redact(opened.secrets)
    try:
        begun = time.perf_counter()
        answer = await opened.runs[call.key](values, Context("cli", call.key, follow=True))
        return await show(answer, call, time.perf_counter() - begun, head=head)
    finally:
        await close(opened.leases, pools)
