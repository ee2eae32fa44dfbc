"""`cap call`: one call from the shell, through the same code that serves it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from http.client import responses

import click

from cap_core.cli.arguments import read_arguments
from cap_core.cli.documents import registry_of, single_plan
from cap_core.cli.options import Command, settings_flags
from cap_core.cli.options_from_settings import open_options
from cap_core.errors import CapError, Refusal, UpstreamError
from cap_core.explain.find_operation import find_call
from cap_core.logging import log, redaction
from cap_core.plan.call import Call
from cap_core.plan.plan import CapabilityPlan, Plan
from cap_core.plugins.context import Context
from cap_core.plugins.messages import Answer, Body, Content, Reply, Text
from cap_core.plugins.registry import Registry
from cap_core.runtime.open import close, open_plan
from cap_core.runtime.pools import Pools, choose
from cap_core.runtime.streams import collect
from cap_core.settings.table import Settings

_SHOWN = 500
"""Characters of an upstream's error that are shown."""


@click.command(
    "call",
    cls=Command,
    examples="""
cap call portkey-batch.yaml listbatches limit=10
cap call portkey-batch 'POST /v1/batches' body:=@batch.json
cap call portkey-batch portkey-batch.retrievebatch batch_id=b-1 --base-uri portkey-batch=http://127.0.0.1:9999
""",
)
@click.argument("capability")
@click.argument("operation")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@settings_flags()
def command(settings: Settings, capability: str, operation: str, inputs: tuple[str, ...]) -> int:
    """Carry out one call and print its result.

    OPERATION is a tool's name, 'METHOD /exposed/path', or namespace.operation. INPUT is NAME=TEXT, which is read as the
    input's type, NAME:=JSON, or NAME=@FILE and NAME:=@FILE for what a file holds (- is stdin). A list may be given by
    repeating its name.

    Exits with 1 where the call is refused or the upstream answers with an error.
    """
    log.configure(settings.log_format, settings.log_level if settings.origin("log-level") != "default" else "warning")
    registry = registry_of(settings)
    plan = single_plan(settings, registry, capability)
    call = find_call(plan, operation)
    try:
        values = read_arguments(inputs, call.inputs)
        return asyncio.run(_carry_out(plan, call, values, registry, settings))
    except Refusal as refusal:
        raise CapError(refusal.detail, hint=refusal.hint) from None
    except UpstreamError as error:
        raise CapError(f"the answer of {call.describes.address} was cut short: {error.detail}") from None


async def _carry_out(
    plan: CapabilityPlan, call: Call, values: Mapping[str, object], registry: Registry, settings: Settings
) -> int:
    options = open_options(settings)
    pools = Pools(choose(registry, options.transport))
    opened = await open_plan(Plan((plan,)), registry, options, pools)
    redaction.redact(opened.secrets)
    try:
        answer = await opened.runs[call.key](values, Context("cli", call.key, follow=True))
        return await _print(answer, call)
    finally:
        await close(opened.leases, pools)


async def _print(answer: Answer, call: Call) -> int:
    if isinstance(answer, Reply):
        if answer.error:
            raise CapError(await _failure(answer, call))
        await _write(answer.body)
        return 0
    if isinstance(answer, Content):
        for block in answer.blocks:
            await _write(block.text.encode() if isinstance(block, Text) else block.data)
        return int(answer.error)
    questions = ", ".join(answer.questions)
    raise CapError(f"{call.exposed.name} asks for more: {questions}", hint="call it from an MCP client that can answer")


async def _write(body: Body) -> None:
    out = sys.stdout.buffer
    last = b""
    if isinstance(body, bytes):
        out.write(body)
        last = body
    else:
        try:
            async for chunk in body:
                out.write(chunk)
                out.flush()
                last = chunk or last
        finally:
            await body.aclose()
    if sys.stdout.isatty() and not last.endswith(b"\n"):
        out.write(b"\n")
    out.flush()


async def _failure(answer: Reply, call: Call) -> str:
    body = await collect(answer.body, 1024 * 1024) or b""
    text = " ".join(body.decode("utf-8", "replace").split())
    if len(text) > _SHOWN:
        text = redaction.excerpt(text, _SHOWN) + "…"
    status = f"{answer.status} {responses.get(answer.status, '')}".strip()
    return f"{call.describes.address} answered {status}" + (f": {text}" if text else "")
