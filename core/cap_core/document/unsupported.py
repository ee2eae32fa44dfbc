"""What the dialects have and this engine does not run yet: where each construct stands, and what it takes with it.

A construct is known by the kind of mapping that has it and by its key. Where the answer would be wrong without it, what
has it is left out; where it only concerns what is not there yet, the rest is served.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.model import ExposedOutput, ExposedParameter
from cap_core.document.reader import ModelNode
from cap_core.errors import Mark

Where = str
"""A kind of mapping: `standalone` (a document without `capability`), `document`, `capability`, `bind`, `consumes`,
`exposes`; `exposure` and `step` are known by their `type`; `input`, `output` and `mapped output` are exposed ones.
Exposures have kinds of their own, which they declare."""


class Unsupported(msgspec.Struct, frozen=True):
    """One construct: the code it is reported by, the message, and whether it leaves out what has it."""

    code: str
    message: str
    leaves_out: bool = True


def lookup(where: Where, key: str) -> Unsupported | None:
    """The unsupported construct that `key` is on such a mapping, or None where it is none."""
    return TABLE.get((where, key))


def report_key(where: Where, key: str, at: Mark, subject: str, report: Reporter) -> Diagnostic:
    """Report one key that is in the table; `subject` names what has it."""
    found = TABLE[(where, key)]
    return report(found.code, at, f"{subject}: {found.message}{'; it is left out' if found.leaves_out else ''}")


def report_unsupported(nodes: Iterable[tuple[Where, ModelNode]], subject: str, report: Reporter) -> Diagnostic | None:
    """Report every unsupported key; the first diagnostic that disables `subject`, or None where nothing does."""
    first: Diagnostic | None = None
    for where, node in nodes:
        for key in node.given():
            found = TABLE.get((where, key))
            if found is not None:
                diagnostic = report_key(where, key, node.mark(key), subject, report)
                first = diagnostic if first is None and found.leaves_out else first
    return first


def exposed_nodes(
    where: Where, node: ModelNode, inputs: Iterable[ExposedParameter], outputs: Iterable[ExposedOutput]
) -> Iterator[tuple[Where, ModelNode]]:
    """An exposed operation or tool, its inputs, and its outputs down to the innermost."""
    yield where, node
    for item in inputs:
        yield "input", item
    if not any(getattr(node, key, None) for key in ("call", "steps", "ref")):
        return  # a mock: it has no answer to read from
    for output in outputs:
        for one in output.nested():
            if one.mapping is not None:
                yield "mapped output", one
            elif one.path is None:
                yield "output", one


FLOW = {
    "mappings": Unsupported("not-built-mappings", "mappings of what steps gave are not applied yet"),
    "ref": Unsupported("not-built-ref", "a reference to an aggregate is not followed yet"),
}
"""What may stand on whatever an exposure lets call, instead of a `call`."""

_AGGREGATES = Unsupported("not-built-aggregates", "aggregates are not read yet; what refers to them is left out", False)
_IMPORT = Unsupported("not-built-import", "what stands in another file is not read yet")
_STANDALONE = Unsupported("not-built-standalone", "what a file offers for import is not read yet")
_MOCK = Unsupported("not-built-mock", "a fixed value beside a call is not given yet")

TABLE: dict[tuple[Where, str], Unsupported] = {
    ("step", "lookup"): Unsupported("not-built-steps", "steps that look something up are not run yet"),
    ("step", "script"): Unsupported("not-built-steps", "scripts are not run yet"),
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
    ("consumes", "tunnel"): Unsupported("not-built-tunnel", "requests do not go through a tunnel yet"),
    ("exposes", "import"): _IMPORT,
    ("exposes", "from"): _IMPORT,
    ("exposure", "skill"): Unsupported("not-built-skill", "skills are not served yet"),
    ("exposure", "control"): Unsupported("not-built-control", "the control port is not served yet"),
    ("input", "value"): Unsupported("not-built-input-value", "the value of an exposed input is not read yet"),
    ("output", "value"): _MOCK,
    ("output", "const"): _MOCK,
    ("mapped output", "value"): _MOCK,
    ("mapped output", "const"): Unsupported(
        "not-built-const", "an answer is not compared with a constant yet; it is served as it is", False
    ),
}
"""Every construct, by the mapping it stands on and its key; exposures add theirs when they are loaded."""


def declare(where: Where, constructs: Mapping[str, Unsupported]) -> None:
    """Add what may stand on one kind of mapping. Raises `ValueError` where a key already means something else."""
    for key, found in constructs.items():
        if TABLE.setdefault((where, key), found) != found:
            raise ValueError(f"{key!r} of {where} already means something else")
