"""A served tool: a compiled call with its listing and its runner."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from cap_core.plan.call import Call
from cap_core.plan.plan import ExposurePlan
from cap_core.plugins.context import Run
from cap_core.runtime import output_format
from cap_core.runtime.inputs import reader
from cap_plugins.expose.mcp.json_rpc import encode
from cap_plugins.expose.mcp.model import McpEntry, ToolDetail, binary_limit

if TYPE_CHECKING:
    from cap_core.plugins.exposure import Limits

_DERIVED: Final = {
    "safe": {"readOnlyHint": True, "idempotentHint": True},
    "idempotent": {"idempotentHint": True},
    "unsafe": {},
}


class ServedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled call with what `tools/list` and `tools/call` need.

    `exposure` is the key of the exposure whose callers may see and call it. `read` turns the JSON text of the arguments
    into checked values or raises `Refusal`. `entry` is its listing as JSON text, from after the name on.
    `largest_binary` is the most bytes of a binary answer, `uri` the URI of such an answer.
    """

    call: Call
    exposure: str
    run: Run
    read: Callable[[bytes | msgspec.Raw], dict[str, object]]
    entry: bytes
    largest_binary: int
    uri: str

    @property
    def name(self) -> str:
        """Its name in the document."""
        return self.call.exposed.name


def serve_tool(exposure: ExposurePlan, call: Call, run: Run, limits: Limits) -> ServedTool:
    """The tool of a compiled call."""
    entry = exposure.options
    declared = output_format.size(call.answering) if call.answering is not None else None
    if declared is None and isinstance(entry, McpEntry):
        declared = binary_limit(entry)
    place = "/".join(quote(part, safe="") for part in (exposure.about.name, exposure.namespace, call.exposed.name))
    return ServedTool(
        call=call,
        exposure=exposure.key,
        run=run,
        read=reader(call.inputs),
        entry=_entry(call),
        largest_binary=limits.answer if declared is None else min(declared, limits.answer),
        uri=f"cap://{place}",
    )


def _entry(call: Call) -> bytes:
    detail = call.exposed.detail
    title = (detail.title if isinstance(detail, ToolDetail) else "") or call.describes.title
    tags = (detail.tags if isinstance(detail, ToolDetail) else ()) or call.describes.tags
    # Clients before 2025-06-18 read the title of the annotations alone.
    annotations = ({"title": title} if title else {}) | _annotations(call)
    listing: dict[str, object] = {
        **({"title": title} if title else {}),
        "description": _description(call),
        "inputSchema": call.inputs.schema(),
        **({"annotations": annotations} if annotations else {}),
        **({"_meta": {"tags": tags}} if tags else {}),
    }
    return encode(listing)[1:]


def _description(call: Call) -> str:
    """The tool's description, else the consumed operation's, else its method and path: models choose tools by it."""
    describes = call.describes
    return call.exposed.description or describes.description or describes.route or call.exposed.name


def _annotations(call: Call) -> dict[str, object]:
    """The document's hints; absent ones are derived from the operations that the tool calls (Tool Annotations)."""
    detail = call.exposed.detail
    hints = detail.hints if isinstance(detail, ToolDetail) else None
    derived: dict[str, object] = dict(_DERIVED[call.safety])
    if any(operation.method == "DELETE" for operation in call.operations):
        derived = {"destructiveHint": True, **derived}
    if hints is None:
        return derived
    if hints.readOnly:
        derived.pop("destructiveHint", None)  # a tool that only reads destroys nothing
    given = {
        "title": hints.title,
        "readOnlyHint": hints.readOnly,
        "destructiveHint": hints.destructive,
        "idempotentHint": hints.idempotent,
        "openWorldHint": hints.openWorld,
    }
    return derived | {name: value for name, value in given.items() if value is not None}
