"""Every call of a portion of documents, in every variant, through a running gateway to an upstream that records."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oracle import paths, verdict
from oracle.document import Consumed, Exposed
from oracle.inputs import Wired
from oracle.upstream import expect

from cap_core.testing import Recorded, Running, Upstream
from sweeping import asking, listing, variants
from sweeping.asking import Ask
from sweeping.client import Answer, Client
from sweeping.comparing import differences
from sweeping.corpus import Known, Published
from sweeping.variants import Variant


@dataclass
class Tally:
    """What was done, and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Served:
    """An operation or tool that the document serves."""

    one: Published
    exposed: Exposed
    op: Consumed
    wired: Wired
    listed: Any
    """Its entry in the OpenAPI document, or in the list of tools."""

    @property
    def where(self) -> str:
        """How reports name it."""
        return f"{self.one.path.parent.name}/{self.one.name} {self.exposed.key}"


class Sweep:
    """The sweep of one portion."""

    def __init__(self, cap: Running, api: Upstream, known: Known, *, modern: bool) -> None:
        self.client = Client(cap.port)
        self.api = api
        self.host = api.url.partition("//")[2].encode()
        self.known = known
        self.modern = modern
        self.tally = Tally()
        openapi = self.client.ask(Ask("GET", "/openapi.json")).json
        self.routes = listing.routes(openapi)

    def served(self, one: Published) -> Iterator[Served]:
        """What a document serves by the rules, and by the gateway. What only one of them serves is a fault."""
        self.tally.counts["documents"] += 1
        answer = self.client.ask(asking.rpc(one.name, "tools/list", {}, modern=self.modern))
        listed = answer.json["result"]["tools"] if answer.status == 200 else []
        left = {("tool", tool["name"]): tool for tool in listed}
        left |= {(id(entry), ""): entry for key, entry in self.routes.items() if key[0] == one.name}
        for exposed in one.document.exposed:
            op, wired = one.wired(exposed, self.known.given)
            why = verdict.reasons(exposed, op, wired)
            entry = None if exposed.duplicate else self._entry(one, exposed, left)
            where = f"{one.path.parent.name}/{one.name} {exposed.key}"
            if (entry is None) != bool(why):
                self.tally.faults.append(
                    f"{where}: {'served' if entry else 'left out'}; by the rules {why or 'served'}"
                )
            elif op is None or wired is None or entry is None:
                self._left_out(one, exposed, where)
            else:
                self.tally.counts["operations" if exposed.method else "tools"] += 1
                yield Served(one, exposed, op, wired, entry)
        if left:
            self.tally.faults.append(f"{one.path}: served, and in no document: {list(left.values())}")

    def _entry(self, one: Published, exposed: Exposed, left: dict[Any, Any]) -> Any:
        """What the gateway lists of an operation or tool, taken from what is left."""
        if exposed.method is None:
            names = {name for kind, name in left if kind == "tool"}
            return left.pop(("tool", _shown(one, exposed, names)), None)
        path = "/" + paths.shape(exposed.path or "").lstrip("/")
        entry = self.routes.get((one.name, exposed.method, path))
        left.pop((id(entry), ""), None)
        return entry

    def _left_out(self, one: Published, exposed: Exposed, where: str) -> None:
        """A route that is left out says so, and sends nothing."""
        path = exposed.path
        if path is None:
            self.tally.counts["tools left out"] += 1
            if not exposed.duplicate:
                self._unknown(one, exposed, where)
            return
        if exposed.duplicate or set("#?") & set(path) or not paths.balanced(path):
            self.tally.counts["operations left out without an address of their own"] += 1
            return
        self.tally.counts["operations left out"] += 1
        answer, sent = self.send(asking.rest(one.name, exposed, Wired(free=paths.holes(path)), {}))
        if answer.status != 501 or sent:
            self.tally.faults.append(f"{where}: left out, and answers {answer.status}, {len(sent)} requests upstream")

    def _unknown(self, one: Published, exposed: Exposed, where: str) -> None:
        """A tool that is left out is as unknown as one that nobody ever wrote, and sends nothing."""
        shown = _shown(one, exposed, ())
        ask = asking.rpc(one.name, "tools/call", {"name": shown, "arguments": {}}, modern=self.modern)
        answer, sent = self.send(ask)
        said = answer.json.get("error", {}) if answer.body.startswith(b"{") else {}
        if said.get("code") != -32602 or not said["message"].startswith("Unknown tool") or sent:
            self.tally.faults.append(
                f"{where}: left out, and answers {answer.status} {answer.body[:300]!r}, {len(sent)} requests upstream"
            )

    def everything(self, one: Published) -> None:
        """Every operation and tool of a document, in every variant."""
        for served in self.served(one):
            exposed, wired = served.exposed, served.wired
            if exposed.method is None:
                problems = listing.of_tool(served.listed, wired)
                calls = variants.of_tool(one.name, served.listed, wired, modern=self.modern)
            else:
                problems = listing.of_rest(served.listed, exposed, wired)
                calls = variants.of_rest(one.name, exposed, served.op, wired)
            self.tally.faults += [f"{served.where}: inputs: {problem}" for problem in problems]
            names = set()
            for variant in calls:
                names.add(variant.name)
                self.tally.counts[variant.name] += 1
                self._one(served, variant)
            self.tally.counts["without a typed input"] += "mistyped" not in names

    def unset(self, one: Published) -> None:
        """Every operation and tool of a document while nothing is set: what needs a variable sends nothing."""
        for served in self.served(one):
            variant = variants.least(one.name, served.exposed, served.wired, served.listed, modern=self.modern)
            needs = one.needs(served.op, served.wired)
            self.tally.counts["needs a variable" if needs else "needs none"] += 1
            if not needs:
                self._one(served, variant)
                continue
            answer, sent = self.send(variant.ask)
            rest = served.exposed.method is not None
            said = answer.status == 503 if rest else _is_error(answer)
            if sent or not said or not any(name.rpartition(".")[2].encode() in answer.body for name in needs):
                self.tally.faults.append(
                    f"{served.where}: {needs} not set: {answer.status} {answer.body[:300]!r}, {len(sent)} upstream"
                )

    def _one(self, served: Served, variant: Variant) -> None:
        answer, sent = self.send(variant.ask)
        fault = self._fault(served, variant, answer, sent)
        if fault:
            self.tally.faults.append(f"{served.where}: {variant.name}: {fault}")

    def _fault(self, served: Served, variant: Variant, answer: Answer, sent: list[Recorded]) -> str:
        rest = served.exposed.method is not None
        expected = None
        if variant.values is not None:
            base = self.known.base(served.op.entry)
            expected = expect(served.op, served.wired, base, variant.values, self.known)
            if set(expected.segments) & {".", ".."}:
                expected = None
        if expected is None:
            refused = answer.status == 400 if rest else _is_error(answer)
            if sent or not refused:
                return f"should be refused: {answer.status} {answer.body[:300]!r}, upstream {[r.target for r in sent]}"
            return ""
        if len(sent) != 1:
            return f"{len(sent)} requests upstream: {answer.status} {answer.body[:400]!r}"
        said = answer.status if rest or not _is_error(answer) else "an error"
        if said not in self._answers(served):
            return f"sent, and answered {answer.status} {answer.body[:300]!r}"
        expected.method = variant.method or expected.method
        for name, value in variant.passing.items():
            expected.headers.setdefault(name, value)
        host = sent[0].header("host")
        elsewhere = [] if host == self.host else [f"the host {host!r}"]
        return "; ".join(elsewhere + differences(expected, sent[0]))

    @staticmethod
    def _answers(served: Served) -> tuple[int | str, ...]:
        """What the upstream's `{}` can become: handed on it is itself; mapped it may be of no such format."""
        unreadable = verdict.mapped(served.exposed) and served.op.format not in verdict.READABLE
        return (502, "an error") if unreadable else (200,)

    def send(self, ask: Ask) -> tuple[Answer, list[Recorded]]:
        """Ask the gateway; its answer, and what reached the upstream meanwhile."""
        self.tally.counts["requests"] += 1
        before = len(self.api.requests)
        answer = self.client.ask(ask)
        return answer, self.api.requests[before:]


def _is_error(answer: Answer) -> bool:
    result: Mapping[str, Any] = answer.json.get("result", {}) if answer.status == 200 else {}
    return bool(result.get("isError"))


def _shown(one: Published, exposed: Exposed, listed: Collection[str]) -> str:
    """The name of a tool in the list: with its namespace where it is not the only one of its name.

    One of more than 48 characters is cut, and has a checksum of the whole in it.
    """
    if one.alone(exposed):
        return exposed.name
    whole = f"{exposed.namespace}_{exposed.name}"
    checksum = f"-{zlib.crc32(whole.encode()):08x}_"
    return whole if len(whole) <= 48 else next((name for name in listed if checksum in name), whole)
