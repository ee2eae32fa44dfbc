"""What the dialects have and this engine does not run yet: where each construct stands, and what it takes with it.

A construct is known by the kind of mapping that has it and by its key. Where the answer would be wrong without it, what
has it is left out; where it only concerns what is not there yet, the rest is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from cap_core.diagnostics import Diagnostic
from cap_core.errors import Mark
from cap_core.model import ExposedOutput, ExposedParameter
from cap_core.reading import Part

Where = Literal[
    "standalone",
    "document",
    "capability",
    "bind",
    "consumes",
    "exposes",
    "exposure",
    "rest",
    "mcp",
    "transport",
    "resource",
    "operation",
    "tool",
    "input",
    "output",
    "mapped output",
]
"""The kinds of mappings. `standalone` is a document without `capability`; `exposure` and `transport` are told apart by
their `type` and by what is written there. Operations, resources, inputs and outputs are exposed ones."""

Tell = Callable[[str, Mark, str], Diagnostic]
"""Say a diagnostic: code, place, message."""


class Construct(msgspec.Struct, frozen=True):
    """One construct: the code it is reported by, what is said of it, and whether it leaves out what has it."""

    code: str
    said: str
    leaves_out: bool = True


def construct(where: Where, key: str) -> Construct | None:
    """The construct that `key` is on such a mapping, or None where there is none."""
    return TABLE.get((where, key))


def report(where: Where, key: str, at: Mark, subject: str, tell: Tell) -> Diagnostic:
    """Say a construct that is in the table, at its place; `subject` names what has it."""
    found = TABLE[(where, key)]
    return tell(found.code, at, f"{subject}: {found.said}{'; it is left out' if found.leaves_out else ''}")


def left_out(parts: Iterable[tuple[Where, Part]], subject: str, tell: Tell) -> Diagnostic | None:
    """Say every construct of these mappings; the first that leaves them out, or None where nothing does."""
    why: Diagnostic | None = None
    for where, part in parts:
        for key in part.given():
            found = TABLE.get((where, key))
            if found is not None:
                said = report(where, key, part.mark(key), subject, tell)
                why = said if why is None and found.leaves_out else why
    return why


def exposed(
    where: Where, part: Part, inputs: Iterable[ExposedParameter], outputs: Iterable[ExposedOutput]
) -> Iterator[tuple[Where, Part]]:
    """An exposed operation or tool, its inputs, and its outputs down to the innermost."""
    yield where, part
    for item in inputs:
        yield "input", item
    for output in outputs:
        for one in output.nested():
            if one.mapping is not None:
                yield "mapped output", one
            elif one.path is None:
                yield "output", one


_STEPS = Construct("not-built-steps", "steps are not run yet")
_MAPPINGS = Construct("not-built-mappings", "mappings of what steps gave are not applied yet")
_REF = Construct("not-built-ref", "a reference to an aggregate is not followed yet")
_AGGREGATES = Construct("not-built-aggregates", "aggregates are not read yet; what refers to them is left out", False)
_IMPORT = Construct("not-built-import", "what stands in another file is not read yet")
_STANDALONE = Construct("not-built-standalone", "what a file offers for import is not read yet")
_RESOURCES = Construct("not-built-resources", "MCP resources are not served yet; the tools are", False)
_MOCK = Construct("not-built-mock", "a fixed answer is not given yet")

TABLE: dict[tuple[Where, str], Construct] = {
    ("standalone", "consumes"): _STANDALONE,
    ("standalone", "exposes"): _STANDALONE,
    ("standalone", "binds"): _STANDALONE,
    ("standalone", "aggregates"): _STANDALONE,
    ("document", "import"): _IMPORT,
    ("document", "consumes"): _STANDALONE,
    ("document", "exposes"): _STANDALONE,
    ("document", "aggregates"): _AGGREGATES,
    ("capability", "aggregates"): _AGGREGATES,
    ("bind", "import"): _IMPORT,
    ("bind", "from"): _IMPORT,
    ("consumes", "import"): _IMPORT,
    ("consumes", "from"): _IMPORT,
    ("consumes", "location"): _IMPORT,
    ("consumes", "ref"): _IMPORT,
    ("consumes", "tunnel"): Construct("not-built-tunnel", "requests do not go through a tunnel yet"),
    ("exposes", "import"): _IMPORT,
    ("exposes", "from"): _IMPORT,
    ("exposure", "skill"): Construct("not-built-skill", "skills are not served yet"),
    ("exposure", "control"): Construct("not-built-control", "the control port is not served yet"),
    ("rest", "maxBinarySize"): Construct(
        "not-built-binary-limit", "REST does not keep to a limit for binary answers yet", False
    ),
    ("mcp", "resources"): _RESOURCES,
    ("mcp", "resourceTemplates"): _RESOURCES,
    ("mcp", "prompts"): Construct("not-built-prompts", "MCP prompts are not served yet; the tools are", False),
    ("transport", "stdio"): Construct(
        "not-built-stdio", "the transport stdio is not served yet; the tools are, over HTTP", False
    ),
    ("resource", "forward"): Construct("not-built-forward", "requests are not forwarded yet"),
    ("operation", "steps"): _STEPS,
    ("operation", "mappings"): _MAPPINGS,
    ("operation", "ref"): _REF,
    ("operation", "responses"): Construct("not-built-responses", "declared responses are not kept to yet"),
    ("operation", "responseBinary"): Construct(
        "not-built-response-binary", "a declared binary response is not kept to yet"
    ),
    ("tool", "steps"): _STEPS,
    ("tool", "mappings"): _MAPPINGS,
    ("tool", "ref"): _REF,
    ("input", "value"): Construct("not-built-input-value", "the value of an exposed input is not read yet"),
    ("output", "value"): _MOCK,
    ("output", "const"): _MOCK,
    ("mapped output", "value"): _MOCK,
    ("mapped output", "const"): Construct(
        "not-built-const", "an answer is not compared with a constant yet; it is served as it is", False
    ),
}
"""Every construct, by the mapping it stands on and its key."""
