"""The published documents that are served, in portions for one gateway each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from oracle import document, verdict, yaml12
from oracle.callee import called
from oracle.document import Consumed, Document, Entry, Exposed
from oracle.expressions import bound
from oracle.inputs import Wired, wire

_VARIABLE = re.compile(r"\$?\{\{?\s*([\w.-]+)\s*\}?\}")
_HOST = re.compile(r"(?:https?://)?\$?\{\{?\s*([\w.-]+)\s*\}?\}(?:/.*)?")
_TEMPLATE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


@dataclass
class Published:
    """A document of the corpus."""

    path: Path
    counted: tuple[int, int]
    """How many operations and tools the manifest says it exposes."""

    @property
    def name(self) -> str:
        """What the gateway calls it."""
        return self.path.stem

    @cached_property
    def document(self) -> Document:
        """What it says."""
        return document.read(yaml12.load(self.path.read_text()))

    @cached_property
    def live(self) -> bool:
        """Whether anything of it can be served."""
        for exposed in self.document.exposed:
            op, wired = self.wired(exposed, frozenset())
            if not verdict.reasons(exposed, op, wired):
                return True
        return False

    @cached_property
    def hosts(self) -> frozenset[str]:
        """The variables that are the whole host of its base addresses; none where one has another host."""
        found = [_HOST.fullmatch(entry.base) for entry in self.document.entries]
        return frozenset(one[1].rpartition(".")[2] for one in found if one) if all(found) else frozenset()

    @cached_property
    def undeclared(self) -> frozenset[str]:
        """The variables it reads and declares nowhere."""
        names = {name for entry in self.document.entries for name in _VARIABLE.findall(entry.base)}
        names |= {name for entry in self.document.entries for name in _TEMPLATE.findall(json.dumps(entry.auth))}
        for exposed in self.document.exposed:
            op = called(exposed, self.document)
            if op is not None:
                names |= {name for feed in wire(exposed, op, self.document).feeds for name in bound(feed.value)}
        return frozenset(name for name in names if not self._declared(name))

    def _declared(self, name: str) -> bool:
        namespace, _, key = name.partition(".")
        binds = self.document.binds
        return key in binds.get(namespace, ()) or any(name in keys for keys in binds.values())

    def alone(self, exposed: Exposed) -> bool:
        """Whether a tool is the only one of its name; others are listed with the namespace of their exposure."""
        return (
            len(
                {
                    other.namespace
                    for other in self.document.exposed
                    if other.method is None and other.name == exposed.name
                }
            )
            < 2
        )

    def needs(self, op: Consumed, wired: Wired) -> set[str]:
        """The variables that a request of an operation has in it, but for those of its base address."""
        names = set(_TEMPLATE.findall(json.dumps(op.entry.auth)))
        return names | {name for feed in wired.feeds for name in bound(feed.value)}

    def wired(self, exposed: Exposed, given: frozenset[str]) -> tuple[Consumed | None, Wired | None]:
        """The operation a call means, and how it is wired."""
        op = called(exposed, self.document)
        return op, wire(exposed, op, self.document, given) if op is not None else None


@dataclass(frozen=True)
class Known(Mapping[str, str]):
    """What is set: every variable has a distinctive value of its own, but for those that are fixed."""

    given: frozenset[str] = frozenset()
    """Names that the command line gives."""
    fixed: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        bare = name.rpartition(".")[2]
        return self.fixed.get(bare, f"v-{bare}~+=")

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def base(self, entry: Entry) -> str:
        """The path of a base address, its variables filled in."""
        path = re.sub(r"^([a-z]+:)?//[^/]*|^\$?\{[^}]*\}+", "", entry.base)
        return _VARIABLE.sub(lambda found: self[found[1]], path)


def portions(published: list[Published], count: int) -> list[list[Published]]:
    """Portions in which every name is there once; what declares not all it reads is by itself, in the last ones."""
    plain = [one for one in published if not one.undeclared]
    other = [one for one in published if one.undeclared]
    out: list[list[Published]] = [[] for _ in range(count)]
    for documents, start, end in ((plain, 0, count - 2), (other, count - 2, count)):
        for one in documents:
            free = [portion for portion in out[start:end] if all(one.name != had.name for had in portion)]
            min(free, key=len).append(one)
    return out


def published(corpus: Path) -> list[Published]:
    """Every document that the manifest says is served, in whole or in part."""
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]
    return [Published(corpus / row["path"], (row["rest"], row["tools"])) for row in rows if row["tier"] != "T3"]
