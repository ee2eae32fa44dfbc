"""Published documents, drawn by a seeded generator: what each can do with some collection of its own works."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import locate
from cap_core.plan.call import Call
from cap_core.plan.inputs import Input
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Upstream
from cap_core.plugins.transport import TransportContext
from cap_core.server.router import Found
from cap_core.syntax.path_template import placeholders, shape
from cap_plugins.transport.sandbox.paths import parse_path
from cap_plugins.transport.sandbox.routes import routes

SEED = 20261121
DOCUMENTS = 10
SAMPLES = {"integer": 1, "number": 1, "boolean": True, "array": ["a"], "object": {"a": "b"}}


@dataclass
class Journey:
    """A collection at the top of a document, and the calls through one face that create, list, get and delete in it."""

    document: Path
    path: str
    calls: dict[str, Call] = field(default_factory=dict)

    @property
    def worth(self) -> tuple[int, bool, bool]:
        return len(self.calls), "create" in self.calls, "delete" in self.calls


def journeys(document: Path, plan: CapabilityPlan, face: str) -> Iterator[Journey]:
    """Every collection whose address has no identifier, with the calls on it that hand answers through."""
    found: dict[tuple[str, str], Journey] = {}
    for exposure in plan.exposures:
        for call in exposure.calls if exposure.type == face else ():
            operation = call.answering
            path = shape(operation.path.rstrip("/"))
            collection, _, last = path.rpartition("/")
            what = {("POST", False): "create", ("GET", False): "list", ("GET", True): "get", ("DELETE", True): "delete"}
            done = what.get((operation.method, last == "{}"))
            base = collection if last == "{}" else path
            if done and call.identity and "{}" not in base and not operation.query:
                key = operation.consumed.key, base
                found.setdefault(key, Journey(document, base)).calls.setdefault(done, call)
    yield from (journey for journey in found.values() if {"create", "get"} & journey.calls.keys())


def shuffled(shared: Path) -> list[Path]:
    """All documents in a random order that is always the same."""
    documents = sorted((shared / "corpus" / "documents").rglob("*.yaml"))
    if not documents:
        pytest.skip("the published documents are not beside the checkout (corpus/documents)")
    random.Random(SEED).shuffle(documents)
    return documents


def drawn(shared: Path, registry, face: str) -> list[Journey]:
    """The collection of each of the first documents that have one which can do all four."""
    out: list[Journey] = []
    for document in shuffled(shared):
        (source,) = locate([str(document)], ())
        plan = compile_source(source, registry, CompileOptions()).plan
        best = max(journeys(document, plan, face), key=lambda j: j.worth, default=None) if plan else None
        if best is not None and len(best.calls) == 4:
            out.append(best)
        if len(out) == DOCUMENTS:
            break
    return out


def sample(item: Input, id: object) -> object:
    """A value for an input: the identifier where the path takes one, else something of the input's type."""
    if item.place == "path" or item.name in placeholders(item.wire):
        return id
    if item.of.enum:
        return item.of.enum[0]
    return SAMPLES.get(item.type or "", "text")


def needed(call: Call, id: object) -> dict[str, object]:
    """A value for every input that is required, and for the identifier."""
    fed = {field.value.name for field in call.flow.steps[-1].request.fields if field.place == "path"}
    return {
        item.name: id if item.name in fed else sample(item, id)
        for item in call.inputs.items
        if (item.required or item.name in fed) and not item.opaque
    }


def rest(url: str, call: Call, id: object) -> httpx.Response:
    """The call as a REST request."""
    given = needed(call, id)
    by_place: dict[str, dict[str, object]] = {"query": {}, "header": {}, "member": {}}
    path, body = call.exposed.path or "", None
    for item in call.inputs.items:
        if item.name not in given:
            continue
        value = given[item.name]
        if item.place == "path":
            path = re.sub(rf"\{{+\s*{re.escape(item.wire)}\s*\}}+", quote(str(value), safe=""), path)
        elif item.place == "body":
            body = value
        else:
            by_place[item.place][item.wire] = value
    headers = {name: str(value) for name, value in by_place["header"].items()}
    body = by_place["member"] or body
    method = call.exposed.method or ""
    return httpx.request(
        method,
        url + path,
        params=texts(by_place["query"]),
        headers=headers,
        json=body or ({} if method == "POST" else None),
    )


def texts(query: Mapping[str, object]) -> dict[str, str] | None:
    return {n: v if isinstance(v, str) else json.dumps(v) for n, v in query.items()} or None


def listed(envelope: Mapping[str, Sequence[Mapping[str, object]]]) -> list[object]:
    return [item["id"] for item in envelope["data"]]


def test_documents_over_rest(shared, registry, served) -> None:
    done: list[str] = []
    for journey in drawn(shared, registry, "rest"):
        with served(journey.document) as cap:
            go(journey, lambda call, id, url=cap.url: rest(url, call, id))
        done.append(f"{journey.document.name}: {' '.join(sorted(journey.calls))}")

    assert DOCUMENTS == len(done)


def test_documents_over_mcp(shared, registry, served, tool) -> None:
    done: list[str] = []
    for journey in drawn(shared, registry, "mcp"):
        with served(journey.document) as cap:

            def ask(call: Call, id: object, url: str = cap.url) -> httpx.Response:
                said = tool(url, call.exposed.name, needed(call, id))
                return httpx.Response(404) if said is None else httpx.Response(200, json=said)

            go(journey, ask)
        done.append(f"{journey.document.name}: {' '.join(sorted(journey.calls))}")

    assert DOCUMENTS == len(done)


def go(journey: Journey, ask) -> None:
    """Create → list → get → delete → get and list again, leaving out what the document has not."""
    calls, what = journey.calls, f"{journey.document.name} {journey.path}"
    id: object = "some-id"
    if "get" in calls and any(item.type == "integer" for item in calls["get"].inputs.items):
        id = 7
    if "create" in calls:
        answer = ask(calls["create"], id)
        assert 200 == answer.status_code, f"{what}: {answer.text}"
        id = answer.json()["id"]
    if "list" in calls:
        answer = ask(calls["list"], id)
        assert 200 == answer.status_code, f"{what}: {answer.text}"
        assert answer.json()["data"], what
        id = id if "create" in calls else listed(answer.json())[0]
    if "get" in calls:
        answer = ask(calls["get"], id)
        assert (200, str(id)) == (answer.status_code, str(answer.json()["id"])), f"{what}: {answer.text}"
    if "delete" in calls:
        answer = ask(calls["delete"], id)
        assert answer.json()["deleted"] is True, f"{what}: {answer.text}"
        if "get" in calls:
            assert 404 == ask(calls["get"], id).status_code, what
        if "list" in calls:
            assert id not in listed(ask(calls["list"], id).json()), what


@pytest.mark.slow
def test_every_operation_has_an_answer(shared, registry) -> None:
    seen = 0
    for document in shuffled(shared)[:150]:
        (source,) = locate([str(document)], ())
        plan = compile_source(source, registry, CompileOptions()).plan
        for consumed in plan.consumed if plan else ():
            operations = tuple(o for o in plan.operations if o.consumed == consumed)
            router = routes(TransportContext(upstream=Upstream("https", "x", 443), prefix="/p", operations=operations))
            for operation, path in ((o, path) for o in operations if (path := parse_path(o)) is not None):
                target = "/p" + path.template.replace("{x}", "1")
                what = f"{document.name} {operation.method} {operation.path}"
                assert isinstance(router.match(operation.method, target.encode()), Found), what
                seen += 1

    assert seen > 1000
