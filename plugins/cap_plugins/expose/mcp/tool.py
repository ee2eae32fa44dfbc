"""One tool, ready to be listed and called."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from cap_core import formats
from cap_core.input_checks import reader
from cap_core.plan import Call, ExposurePlan
from cap_core.types import Run
from cap_plugins.expose.mcp.model import Detail, McpEntry, binary_limit
from cap_plugins.expose.mcp.rpc import encode

if TYPE_CHECKING:
    from cap_core.offers import Limits

_DERIVED: Final = {
    "GET": {"readOnlyHint": True, "idempotentHint": True},
    "HEAD": {"readOnlyHint": True, "idempotentHint": True},
    "PUT": {"idempotentHint": True},
    "DELETE": {"destructiveHint": True, "idempotentHint": True},
}


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled call with what its door needs.

    `exposure` is the key of the exposure whose callers may see and call it. `read` turns the text of the arguments into
    checked values or raises `Refusal`. `entry` is its listing as JSON text, from after the name on. `largest_binary` is
    the most bytes of a binary answer, `uri` what such an answer is called.
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


def attach(exposure: ExposurePlan, call: Call, run: Run, limits: Limits) -> Tool:
    """Make a call of an exposure ready."""
    entry = exposure.options
    declared = formats.size(call.operation)
    if declared is None and isinstance(entry, McpEntry):
        declared = binary_limit(entry)
    place = "/".join(quote(part, safe="") for part in (exposure.about.name, exposure.namespace, call.exposed.name))
    return Tool(
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
    title = (detail.title if isinstance(detail, Detail) else "") or call.operation.label
    tags = (detail.tags if isinstance(detail, Detail) else ()) or call.operation.tags
    annotations = _annotations(call)
    listing: dict[str, object] = {
        **({"title": title} if title else {}),
        "description": _description(call),
        "inputSchema": call.inputs.schema(),
        **({"annotations": annotations} if annotations else {}),
        **({"_meta": {"tags": tags}} if tags else {}),
    }
    return encode(listing)[1:]


def _description(call: Call) -> str:
    """Its own, else the consumed operation's; a tool without any is hard to choose, so the last resort is the call."""
    operation = call.operation
    last = f"{operation.method} {operation.path} of {operation.consumed.namespace}"
    return call.exposed.description or operation.description or last


def _annotations(call: Call) -> dict[str, object]:
    """The hints given; absent ones derived from the consumed method (Tool Annotations)."""
    detail = call.exposed.detail
    hints = detail.hints if isinstance(detail, Detail) else None
    derived: dict[str, object] = dict(_DERIVED.get(call.operation.method, {}))
    if hints is None:
        return derived
    if hints.readOnly:
        derived.pop("destructiveHint", None)  # what only reads destroys nothing
    given = {
        "title": hints.title,
        "readOnlyHint": hints.readOnly,
        "destructiveHint": hints.destructive,
        "idempotentHint": hints.idempotent,
        "openWorldHint": hints.openWorld,
    }
    return derived | {name: value for name, value in given.items() if value is not None}
