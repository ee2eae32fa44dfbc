"""The `type: mcp` entry of a document: its shape, and the tools it declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.document import unsupported
from cap_core.document.model import ExposedOutput, ExposedParameter, ExposesEntry, texts
from cap_core.document.reader import ModelNode
from cap_core.document.steps import Steps, read_steps
from cap_core.document.unsupported import Unsupported
from cap_core.plan.exposed import ExposedOperation
from cap_core.syntax.http import parse_size
from cap_core.syntax.yaml_tree import Map, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cap_core.plugins.exposure import ExposeContext

LONGEST_NAME: Final = 64
"""Model APIs take tool names of `[A-Za-z0-9_-]{1,64}`; one that does not fit can cost the caller the whole session."""
LONG_NAME: Final = 48
"""Characters from which a name is reported: MCP clients put the server's name in front, and limit both together."""

_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")
_TRANSPORTS = frozenset({"http", "streamable-http", "streamableHttp"})

_RESOURCES = Unsupported("not-built-resources", "MCP resources are not served yet; the tools are", False)
_PROMPTS = Unsupported("not-built-prompts", "MCP prompts are not served yet; the tools are", False)
_STDIO = Unsupported("not-built-stdio", "the transport stdio is not served yet; the tools are, over HTTP", False)
unsupported.declare("mcp", {"resources": _RESOURCES, "resourceTemplates": _RESOURCES, "prompts": _PROMPTS})
unsupported.declare("transport", {"stdio": _STDIO})
unsupported.declare("tool", unsupported.FLOW)


class Hints(ModelNode, frozen=True, kw_only=True):
    """What a tool does to the world, as its author says. Absent hints are derived from the consumed method."""

    forgiving: ClassVar[str] = "bad-hints"

    title: str | None = None
    readOnly: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    openWorld: bool | None = None


class Tool(ModelNode, frozen=True, kw_only=True):
    """One tool."""

    name: str
    label: str | None = None
    description: str | None = None
    call: str | None = None
    with_: Map | None = msgspec.field(default=None, name="with")
    inputParameters: tuple[ExposedParameter, ...] = ()
    outputParameters: tuple[ExposedOutput, ...] = ()
    hints: Hints | None = None
    tags: Node | None = None
    steps: Node | None = None
    mappings: Node | None = None
    ref: Node | None = None


class McpEntry(ExposesEntry, frozen=True, kw_only=True):
    """One `type: mcp` entry."""

    apart: ClassVar[frozenset[str]] = frozenset({"tools"})

    transport: str | None = None
    tools: tuple[Tool, ...] = ()
    resources: Node | None = None
    resourceTemplates: Node | None = None
    prompts: Node | None = None
    maxBinarySize: str | None = None
    ttlMs: int | None = None
    cacheScope: str | None = None


class ToolDetail(msgspec.Struct, frozen=True):
    """The parts of a tool's listing that the core does not compile."""

    title: str
    hints: Hints | None
    tags: tuple[str, ...] = ()


def declared(entry: McpEntry, at: ExposeContext) -> Iterator[ExposedOperation]:
    """The tools of an entry; one that cannot be served is reported and left out."""
    _check_entry(entry, at)
    _check_places(entry, at)
    _check_descriptions(entry, at)
    for tool in entry.tools:
        _check_hints(tool, at)
        rejection = _refused_name(tool, at) or _not_built(tool, at)
        steps = read_steps(tool.steps if rejection is None else None, f"tool {tool.name!r}", at.report)
        yield _exposed(tool, steps, rejection or steps.rejection)


def binary_limit(entry: McpEntry) -> int | None:
    """The largest binary answer in bytes; None if the document has no valid size."""
    if entry.maxBinarySize is None:
        return None
    try:
        return parse_size(entry.maxBinarySize)
    except ValueError:
        return None


def _exposed(tool: Tool, steps: Steps, rejection: Diagnostic | None) -> ExposedOperation:
    hints = tool.hints
    with_ = None if tool.with_ is None else {str(key): value for key, value in tool.with_.items()}
    return ExposedOperation(
        name=tool.name,
        kind="tool",
        at=tool.mark("name"),
        call=tool.call,
        steps=steps.declared,
        call_at=tool.mark("call"),
        with_=with_,
        inputs=tuple(item.declared() for item in tool.inputParameters),
        outputs=tuple(item.declared() for item in tool.outputParameters),
        description=tool.description or "",
        rejection=rejection,
        unread=(*tool.unread(), *steps.unread),
        detail=ToolDetail(tool.label or (hints.title if hints else None) or "", hints, texts(tool.tags)),
    )


def _check_entry(entry: McpEntry, at: ExposeContext) -> None:
    """Report keys of the entry that are invalid or not supported; its tools are served all the same."""
    if entry.transport is not None and entry.transport not in _TRANSPORTS:
        _check_transport(entry.transport, entry, at)
    unsupported.report_unsupported([("mcp", entry)], repr(entry.namespace), at.report)
    if entry.maxBinarySize is not None and binary_limit(entry) is None:
        what = f"'maxBinarySize' must be a size such as 512KiB or 10MiB, not {entry.maxBinarySize!r}"
        at.report("wrong-type", entry.mark("maxBinarySize"), what)
    if entry.ttlMs is not None and entry.ttlMs < 0:
        at.report("wrong-type", entry.mark("ttlMs"), f"'ttlMs' must not be negative, but is {entry.ttlMs}")
    if entry.cacheScope not in (None, "public", "private"):
        what = f"'cacheScope' must be public or private, not {entry.cacheScope!r}"
        at.report("wrong-type", entry.mark("cacheScope"), what)


def _check_places(entry: McpEntry, at: ExposeContext) -> None:
    """Report once that a tool's inputs are arguments, whatever place the document gives them."""
    placed = [item for tool in entry.tools for item in tool.inputParameters if item.in_ and item.in_.lower() != "body"]
    if placed:
        more = f", and in {len(placed) - 1} more" if len(placed) > 1 else ""
        what = f"'in' of the tool input {placed[0].name!r}{more} has no effect; inputs of tools are arguments"
        at.report("not-acted-on", placed[0].mark("in"), what)


def _check_descriptions(entry: McpEntry, at: ExposeContext) -> None:
    """Report once that the listing of a tool has no place for descriptions of its outputs."""
    outputs = [item for tool in entry.tools for output in tool.outputParameters for item in output.nested()]
    described = [item for item in outputs if item.description]
    if described:
        more = f", here and {len(described) - 1} times more" if len(described) > 1 else ""
        what = f"'description' of the output of a tool has no effect{more}; say it in the tool's own description"
        at.report("not-acted-on", described[0].mark("description"), what)


def _check_transport(transport: str, entry: McpEntry, at: ExposeContext) -> None:
    mark = entry.mark("transport")
    if unsupported.lookup("transport", transport) is not None:
        unsupported.report_key("transport", transport, mark, repr(entry.namespace), at.report)
    else:
        what = f"transport {transport!r} is none of MCP's; the tools are served over HTTP"
        at.report("unknown-transport", mark, what)


def _check_hints(tool: Tool, at: ExposeContext) -> None:
    if tool.hints is not None and tool.hints.readOnly and tool.hints.destructive:
        what = f"the tool {tool.name!r} is said to be read-only and destructive"
        at.report("contradicting-hints", tool.mark("hints"), what)


def _refused_name(tool: Tool, at: ExposeContext) -> Diagnostic | None:
    place = tool.mark("name")
    if not _NAME.fullmatch(tool.name):
        return at.report(
            "bad-tool-name", place, f"MCP clients refuse the tool name {_shown(tool.name)}; it is left out"
        )
    if len(tool.name) > LONG_NAME:
        at.report("long-tool-name", place, f"the tool name {tool.name!r} has {len(tool.name)} characters")
    return None


def _not_built(tool: Tool, at: ExposeContext) -> Diagnostic | None:
    parts = unsupported.exposed_nodes("tool", tool, tool.inputParameters, tool.outputParameters)
    return unsupported.report_unsupported(parts, f"tool {tool.name!r}", at.report)


def _shown(name: str) -> str:
    return repr(name) if len(name) <= 80 else f"{name[:60]!r}... of {len(name)} characters"
