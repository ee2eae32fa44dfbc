"""Why an exposed operation cannot be served, or nothing."""

from __future__ import annotations

import re

from oracle import paths
from oracle.document import Consumed, Exposed
from oracle.inputs import Wired
from oracle.names import norm

AUTHENTICATIONS = ("bearer", "basic", "apikey")
FORMATS = (
    "json", "xml", "csv", "tsv", "psv", "yaml", "html", "markdown", "avro", "protobuf", "binary", "text",
)  # fmt: skip
READABLE = ("json", "yaml", "csv", "tsv", "psv", "html", "markdown", "text", "binary")
"""The formats that `{}` is a document of."""
WHOLE = ("$", "$.")


def mapped(exposed: Exposed) -> bool:
    """Whether the answer is made from the exposed outputs, rather than handed back."""
    if not exposed.outputs:
        return False
    return (
        len(exposed.outputs) > 1
        or bool(exposed.outputs[0].get("name"))
        or exposed.outputs[0].get("mapping") not in WHOLE
    )


def reasons(exposed: Exposed, op: Consumed | None, wired: Wired | None) -> list[str]:
    """Every reason to leave it out."""
    out = []
    if exposed.duplicate:
        out.append("duplicate")
    if exposed.unbuilt:
        out.append("not built")
    if exposed.path is not None and (not paths.balanced(exposed.path) or set("#?") & set(exposed.path)):
        out.append("exposed path")
    if exposed.method is None and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", exposed.name):
        out.append("tool name")
    if op is None or wired is None:
        return [*out, "call"]
    if op.entry.imported:
        out.append("import")
    if op.entry.auth and norm(str(op.entry.auth.get("type", ""))) not in AUTHENTICATIONS:
        out.append("authentication")
    if "#" in op.path or not paths.balanced(op.bare):
        out.append("consumed path")
    if mapped(exposed) and op.format not in FORMATS:
        out.append("format")
    out += wired.broken
    out += [f"path parameter {name} without a placeholder" for name in wired.homeless]
    out += [f"lost {name}" for name in wired.lost]
    return out
