"""The table of constructs that dialects have and this gateway does not support yet.

A construct is identified by the kind of mapping that has it and by its key. If answers would be wrong without it, it
rejects whatever has it; otherwise it is only reported.
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
    """One construct: its diagnostic code and message, and whether it rejects whatever has it."""

    code: str
    message: str
    rejects: bool = True


def lookup(where: Where, key: str) -> Unsupported | None:
    """The construct that `key` is in a mapping of this kind; None if the key is supported."""
    return TABLE.get((where, key))


def report_key(where: Where, key: str, at: Mark, subject: str, report: Reporter) -> Diagnostic:
    """Report a key of the table; `subject` names in the message what has it."""
    found = TABLE[(where, key)]
    return report(found.code, at, f"{subject}: {found.message}{'; it is left out' if found.rejects else ''}")


def report_unsupported(nodes: Iterable[tuple[Where, ModelNode]], subject: str, report: Reporter) -> Diagnostic | None:
    """Report every unsupported key. Returns the first diagnostic that rejects `subject`, or None."""
    first: Diagnostic | None = None
    for where, node in nodes:
        for key in node.given():
            found = TABLE.get((where, key))
            if found is not None:
                diagnostic = report_key(where, key, node.mark(key), subject, report)
                first = diagnostic if first is None and found.rejects else first
    return first


def exposed_nodes(
    where: Where, node: ModelNode, inputs: Iterable[ExposedParameter], outputs: Iterable[ExposedOutput]
) -> Iterator[tuple[Where, ModelNode]]:
    """An exposed operation or tool, its inputs, and its outputs with all nested ones, each with its kind."""
    yield where, node
    for item in inputs:
        yield "input", item
    if not any(getattr(node, key, None) for key in ("call", "steps", "ref")):
        return  # a mock, whose outputs have fixed values
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
"""Keys that an exposed operation or tool may have instead of `call`."""

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
"""Every construct, by the kind of mapping and the key; exposure plugins add theirs when they are loaded."""


def declare(where: Where, constructs: Mapping[str, Unsupported]) -> None:
    """Add the constructs of one kind of mapping. Raises `ValueError` if a key is already in the table differently."""
    for key, found in constructs.items():
        if TABLE.setdefault((where, key), found) != found:
            raise ValueError(f"{key!r} of {where} already means something else")
