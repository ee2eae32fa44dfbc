"""Prints the answer of `cap call`: as it came to a pipe or file, readable on a terminal."""

from __future__ import annotations

import codecs
import sys
from http.client import responses

import click
import msgspec

from cap_core.cli.tables import printable
from cap_core.errors import CapError
from cap_core.logging.redaction import hidden, hidden_excerpt
from cap_core.plan.call import Call
from cap_core.plugins.messages import Answer, Body, Content, Headers, Reply, Text
from cap_core.runtime.streams import collect

LIMIT = 10 * 1024 * 1024
"""Bytes of a JSON answer that is made readable on a terminal."""

_SHOWN = 500
"""Characters of an upstream's error that are shown."""

_TEXTS = ("text/", "application/xml", "application/yaml", "application/x-ndjson", "application/jsonl")


async def show(answer: Answer, call: Call, seconds: float, *, head: bool) -> int:
    """Print an answer, with `head` its status, headers and time before it; returns the exit code.

    Raises `CapError` for an upstream's error, and for a redirect that was not followed.
    """
    if isinstance(answer, Reply):
        if head:
            _print_head(answer, seconds)
        if answer.status >= 300:
            raise CapError(await _no_result(answer, call, shown=head))
        await _write(answer.body, _media_type(answer.headers))
        return 0
    if isinstance(answer, Content):
        if head:
            click.echo(f"{_milliseconds(seconds)}\n")
        for block in answer.blocks:
            await _write(*((block.text.encode(), "text/plain") if isinstance(block, Text) else (block.data, "")))
        return int(answer.error)
    questions = ", ".join(answer.questions)
    raise CapError(f"{call.exposed.name} asks for more: {questions}", hint="call it from an MCP client that can answer")


def _print_head(reply: Reply, seconds: float) -> None:
    click.echo(f"{_status(reply)} in {_milliseconds(seconds)}")
    for name, value in reply.headers:
        click.echo(printable(hidden(f"{name.decode('latin-1')}: {value.decode('latin-1')}")))
    click.echo()


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _status(reply: Reply) -> str:
    return f"{reply.status} {responses.get(reply.status, '')}".strip()


def _media_type(headers: Headers) -> str:
    found = next((value for name, value in headers if name == b"content-type"), b"")
    return found.partition(b";")[0].strip().lower().decode("latin-1")


# --- results ------------------------------------------------------------------------------------------------------


async def _write(body: Body, media_type: str) -> None:
    """Write a body: as it is to a pipe or file; to a terminal only what does it no harm."""
    if not sys.stdout.isatty():
        await _write_bytes(body)
    elif media_type == "application/json" or media_type.endswith("+json"):
        await _write_json(body)
    elif not media_type or media_type.startswith(_TEXTS) or media_type.endswith(("+xml", "+yaml")):
        await _write_text(body)
    else:
        size = len(await collect(body, LIMIT) or b"")
        how_large = f"{size} bytes" if size else "large"
        click.echo(
            f"the answer is {media_type} ({how_large}), which is not for a terminal; send it to a file", err=True
        )


async def _write_bytes(body: Body) -> None:
    out = sys.stdout.buffer
    if isinstance(body, bytes):
        out.write(body)
    else:
        try:
            async for chunk in body:
                out.write(chunk)
                out.flush()
        finally:
            await body.aclose()
    out.flush()


async def _write_json(body: Body) -> None:
    whole = await collect(body, LIMIT)
    if whole is None:
        click.echo(f"the answer has more than {LIMIT} bytes; send it to a file", err=True)
        return
    try:
        text = msgspec.json.format(whole, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = whole.decode("utf-8", "replace")
    if text:
        click.echo(printable(text))


async def _write_text(body: Body) -> None:
    """Write a text as it arrives."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    last = ""
    if isinstance(body, bytes):
        last = printable(decoder.decode(body))
        click.echo(last, nl=False)
    else:
        try:
            async for chunk in body:
                last = printable(decoder.decode(chunk)) or last
                click.echo(last, nl=False)
        finally:
            await body.aclose()
    if last and not last.endswith("\n"):
        click.echo()


# --- what is no result --------------------------------------------------------------------------------------------


async def _no_result(reply: Reply, call: Call, *, shown: bool) -> str:
    """A line about an upstream's error, or about a redirect that was not followed; the body goes to stdout where the
    head is `shown` there."""
    what = f"{call.describes.address} answered {_status(reply)}"
    if shown:
        await _write(reply.body, _media_type(reply.headers))
        return what
    if reply.error:
        return await _failure(reply, what)
    await collect(reply.body, 0)
    if reply.status == 304:
        return f"{what}: what the caller has is still good, and there is no body"
    where = next((value.decode("latin-1") for name, value in reply.headers if name == b"location"), "")
    return f"{what}, which is not followed: the answer is at {hidden(where) or 'an address it does not give'}"


async def _failure(reply: Reply, what: str) -> str:
    body = await collect(reply.body, 1024 * 1024) or b""
    text = body.decode("utf-8", "replace").strip()
    shown = " ".join(hidden_excerpt(text, _SHOWN).split()) + ("…" if len(text) > _SHOWN else "")
    return what + (f": {shown}" if shown else "")
