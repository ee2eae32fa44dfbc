"""What the dialects have and this engine does not run yet: where each construct stands, and what it takes with it.

A construct is known by the kind of mapping that has it and by its key. Where the answer would be wrong without it, what
has it is left out; where it only concerns what is not there yet, the rest is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from cap_core.errors import Mark
from cap_core.model import ExposedOutput, ExposedParameter
from cap_core.reading import Part
from cap_core.report import Diagnostic

Where = str
"""A kind of mapping: `standalone` (a document without `capability`), `document`, `capability`, `bind`, `consumes`,
`exposes`; `exposure` is told apart by its `type`; `input`, `output` and `mapped output` are exposed ones. Exposures
have kinds of their own, which they declare."""

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


FLOW = {
    "steps": Construct("not-built-steps", "steps are not run yet"),
    "mappings": Construct("not-built-mappings", "mappings of what steps gave are not applied yet"),
    "ref": Construct("not-built-ref", "a reference to an aggregate is not followed yet"),
}
"""What may stand on whatever an exposure lets call, instead of a `call`."""

_AGGREGATES = Construct("not-built-aggregates", "aggregates are not read yet; what refers to them is left out", False)
_IMPORT = Construct("not-built-import", "what stands in another file is not read yet")
_STANDALONE = Construct("not-built-standalone", "what a file offers for import is not read yet")
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
    ("input", "value"): Construct("not-built-input-value", "the value of an exposed input is not read yet"),
    ("output", "value"): _MOCK,
    ("output", "const"): _MOCK,
    ("mapped output", "value"): _MOCK,
    ("mapped output", "const"): Construct(
        "not-built-const", "an answer is not compared with a constant yet; it is served as it is", False
    ),
}
"""Every construct, by the mapping it stands on and its key; exposures add theirs when they are loaded."""


def declare(where: Where, constructs: Mapping[str, Construct]) -> None:
    """Add what may stand on one kind of mapping. Raises `ValueError` where a key already means something else."""
    for key, found in constructs.items():
        if TABLE.setdefault((where, key), found) != found:
            raise ValueError(f"{key!r} of {where} already means something else")
