"""Every call of a portion of documents, in every variant, through a running gateway to an upstream that records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import asking
from asking import Ask
from cap_core.testing import Recorded, Running, Upstream
from client import Answer, Client
from comparing import differences
from corpus import Published, base_path, secret
from oracle import paths, verdict
from oracle.document import Consumed, Exposed
from oracle.inputs import Given, Wired
from oracle.names import aliases
from oracle.upstream import Handed, expect
from samples import sample, wrong

UNKNOWN = "zz-nobody-knows"
HANDED = Handed(b'{"price": 1.50, "n": 1}', "application/json")


@dataclass
class Tally:
    """What was done, and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Variant:
    """Something a caller sends, and what has to come of it: a request upstream, or nothing."""

    name: str
    ask: Ask
    values: Mapping[str, Any] | None
    """The inputs of the request that has to arrive; None where none may."""


class Sweep:
    """The sweep of one portion."""

    def __init__(self, cap: Running, api: Upstream, given: frozenset[str], *, modern: bool) -> None:
        self.client = Client(cap.port)
        self.api = api
        self.given = given
        self.modern = modern
        self.tally = Tally()
        self.routes, self.left_out = self._listed()

    def _listed(self) -> tuple[dict[tuple[str, str, str], Any], set[tuple[str, str, str]]]:
        """The REST operations that the gateway says it serves, and those that it leaves out."""
        api = self.client.ask(Ask("GET", "/openapi.json")).json
        served = {}
        for path, item in api["paths"].items():
            for method, operation in item.items():
                if isinstance(operation, dict) and "operationId" in operation:
                    capability = operation["x-cap-capability"]
                    own = path.removeprefix(f"/{capability}") if path.startswith(f"/{capability}/") else path
                    # Two paths of one shape stand under one of them: its placeholders have their names by position.
                    operation["holes"] = paths.holes(path)
                    for spelling in {own, path}:
                        served[capability, method.upper(), paths.shape(spelling)] = operation
        self.openapi = api
        return served, set()

    def document(self, one: Published) -> None:
        """Every operation and tool of a document."""
        self.tally.counts["documents"] += 1
        answer = self._rpc(one, "tools/list", {})
        tools = {tool["name"]: tool for tool in answer.json["result"]["tools"]} if answer.status == 200 else {}
        seen = set()
        for exposed in one.document.exposed:
            op, wired = one.wired(exposed, self.given)
            why = verdict.reasons(exposed, op, wired)
            where = f"{one.path.parent.name}/{one.name} {exposed.key}"
            shown = exposed.name if one.alone(exposed) else f"{exposed.namespace}_{exposed.name}"
            listed = self._route(one, exposed) if exposed.method else tools.get(shown)
            served = listed is not None and not exposed.duplicate
            seen.add(shown)
            if served != (not why):
                self.tally.faults.append(
                    f"{where}: {'served' if served else 'left out'}; by the rules {why or 'served'}"
                )
                continue
            if not served:
                self._left_out(one, exposed, where)
                continue
            assert op is not None and wired is not None
            self.tally.counts["tools" if exposed.method is None else "operations"] += 1
            self._operation(one, exposed, op, wired, where, listed)
        if set(tools) - seen:
            self.tally.faults.append(f"{one.name}: tools of no document: {set(tools) - seen}")

    def _route(self, one: Published, exposed: Exposed) -> Any:
        path = "/" + paths.shape(exposed.path or "").lstrip("/")
        return self.routes.get((one.name, exposed.method or "", path))

    def _left_out(self, one: Published, exposed: Exposed, where: str) -> None:
        self.tally.counts["left out"] += 1
        if exposed.method is None or exposed.duplicate or set("#?") & set(exposed.path or ""):
            return
        if not paths.balanced(exposed.path or ""):
            return
        ask = asking.rest(one.name, exposed, Wired(free=paths.holes(exposed.path or "")), {})
        answer, sent = self._send(ask)
        if answer.status != 501 or sent:
            self.tally.faults.append(f"{where}: left out, and answers {answer.status}, {len(sent)} requests upstream")

    def _operation(self, one: Published, exposed: Exposed, op: Consumed, wired: Wired, where: str, listed: Any) -> None:
        rest = exposed.method is not None
        values = {given.name: self._sample(given, wired, rest) for given in wired.inputs}
        problems = list(self._inputs(exposed, wired, listed))
        self.tally.faults += [f"{where}: inputs: {problem}" for problem in problems]
        required = {given.name: values[given.name] for given in wired.inputs if given.required}
        variants = (
            self._rest(one, exposed, wired, values, required)
            if rest
            else self._tool(one, listed, wired, values, required)
        )
        bindings = Bindings()
        for variant in variants:
            self.tally.counts["requests"] += 1
            self.tally.counts[variant.name] += 1
            answer, sent = self._send(variant.ask)
            fault = self._fault(variant, op, wired, bindings, answer, sent, rest)
            if fault:
                self.tally.faults.append(f"{where}: {variant.name}: {fault}")

    def _sample(self, given: Given, wired: Wired, rest: bool) -> Any:
        if rest and given.places == ("body",) and wired.body == "handed":
            return HANDED
        return sample(given, wired, rest=rest)

    def _fault(
        self, variant: Variant, op: Consumed, wired: Wired, bindings: Mapping[str, str], answer: Answer,
        sent: list[Recorded], rest: bool,
    ) -> str:  # fmt: skip
        if variant.values is None:
            refused = answer.status == 400 if rest else answer.status == 200 and answer.json["result"].get("isError")
            if sent or not refused:
                return f"should be refused: {answer.status} {answer.body[:300]!r}, upstream {[r.target for r in sent]}"
            return ""
        if len(sent) != 1:
            return f"{len(sent)} requests upstream: {answer.status} {answer.body[:400]!r}"
        expected = expect(op, wired, base_path(op.entry), variant.values, bindings)
        if rest and "Accept" in variant.ask.headers:
            expected.headers.setdefault("accept", variant.ask.headers["Accept"])
        found = differences(expected, sent[0])
        return "; ".join(found)

    def _inputs(self, exposed: Exposed, wired: Wired, listed: Any) -> Iterator[str]:
        """How the list of inputs differs from what the gateway shows."""
        if exposed.method is None:
            schema = listed["inputSchema"]
            names = aliases(given.name for given in wired.inputs)
            shown = {name: item.get("type") for name, item in schema["properties"].items()}
            ours = {names[given.name]: given.type for given in wired.inputs}
            if shown != ours:
                yield f"{shown}, by the rules {ours}"
            needed = {names[given.name] for given in wired.inputs if given.required}
            if needed != set(schema.get("required", ())):
                yield f"required {schema.get('required')}, by the rules {sorted(needed)}"
            return
        ours_of = dict(zip(listed["holes"], paths.holes(exposed.path or ""), strict=True))
        shown = {
            (p["in"], ours_of[p["name"]] if p["in"] == "path" else p["name"]): (
                _schema(p).get("type"),
                p.get("required", False),
            )
            for p in listed["parameters"]
        }
        ours = {}
        for given in wired.inputs:
            if given.places[0] in ("query", "path", "header", "cookie"):
                ours[given.places[0], given.wire] = (given.type, given.required)
        for name in wired.free:
            shown.pop(("path", name), None)
        if shown != ours:
            yield f"{shown}, by the rules {ours}"
        members = {given.wire: given.type for given in wired.inputs if given.places[0] == "member"}
        needed = {given.wire for given in wired.inputs if given.places[0] == "member" and given.required}
        if not any(given.places[0] == "body" for given in wired.inputs):
            schema = listed.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            shown = {name: item.get("type") for name, item in schema.get("properties", {}).items()}
            if shown != members or needed != set(schema.get("required", ())):
                yield f"body {shown} {schema.get('required')}, by the rules {members} {needed}"

    def _rest(
        self, one: Published, exposed: Exposed, wired: Wired, values: dict[str, Any], required: dict[str, Any]
    ) -> Iterator[Variant]:
        def ask(values: Mapping[str, Any], extra: str = "", stray: Any = None) -> Ask:
            return asking.rest(one.name, exposed, wired, values, extra, stray)

        # A body comes with its type, and the type may be an input.
        kind = {g.name: "application/json" for g in wired.inputs if g.name.lower() == "content-type"}
        if "Content-Type" in ask(required).headers:
            required = {**required, **kind}
        yield Variant("all", ask(values), values)
        few = ask(required)
        if not verdict.mapped(exposed) and not any(g.wire.lower() == "accept" for g in wired.inputs):
            few.headers["Accept"] = "application/x-sweep"
        yield Variant("required", few, required)
        yield Variant("unknown query", ask(required, extra=UNKNOWN + "=1"), required)
        if not any(given.places[0] == "body" for given in wired.inputs):
            yield Variant("unknown member", ask(required, stray={UNKNOWN: 1}), None)
        for name, value in self._wrongs(wired, rest=True):
            yield Variant("mistyped", ask({**values, name: value}), None)
        for given in wired.inputs:
            if given.required and given.places[0] != "path":
                yield Variant("missing", ask({k: v for k, v in values.items() if k != given.name}), None)

    def _tool(
        self, one: Published, listed: Any, wired: Wired, values: dict[str, Any], required: dict[str, Any]
    ) -> Iterator[Variant]:
        shown = aliases(values)

        def ask(values: Mapping[str, Any], spelling: Mapping[str, str] = shown) -> Ask:
            params = {"name": listed["name"], "arguments": asking.arguments(values, spelling)}
            return asking.rpc(one.name, "tools/call", params, modern=self.modern)

        itself = {name: name for name in [*values, UNKNOWN]}
        yield Variant("all", ask(values), values)
        yield Variant("required", ask(required, itself), required)
        nulls = {name: required.get(name) for name in values}
        yield Variant("null", ask(nulls), required)
        yield Variant("unknown argument", ask({**values, UNKNOWN: 1}, itself), None)
        for name, value in self._wrongs(wired, rest=False):
            yield Variant("mistyped", ask({**values, name: value}), None)
        for name in required:
            yield Variant("missing", ask({k: v for k, v in values.items() if k != name}), None)

    def _wrongs(self, wired: Wired, *, rest: bool) -> list[tuple[str, Any]]:
        """One wrong value for each type that an input has."""
        by_type = {}
        for given in wired.inputs:
            value = wrong(given, rest=rest)
            anything = rest and wired.body == "handed" and given.places == ("body",)
            if value is not None and not anything:
                by_type[given.type] = given.name, value
        if not by_type:
            self.tally.counts["nothing to mistype"] += 1
        return list(by_type.values())

    def _rpc(self, one: Published, method: str, params: dict[str, Any]) -> Answer:
        return self.client.ask(asking.rpc(one.name, method, params, modern=self.modern))

    def _send(self, ask: Ask) -> tuple[Answer, list[Recorded]]:
        before = len(self.api.requests)
        answer = self.client.ask(ask)
        return answer, self.api.requests[before:]


def _schema(parameter: Any) -> Any:
    """The schema of an OpenAPI parameter; an object's is that of its JSON."""
    return parameter["schema"] if "schema" in parameter else parameter["content"]["application/json"]["schema"]


class Bindings(dict[str, str]):
    """Every variable has its own value."""

    def __missing__(self, name: str) -> str:
        return secret(name.rpartition(".")[2])


__all__ = ["Sweep", "json"]
