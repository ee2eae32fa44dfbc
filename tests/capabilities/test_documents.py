"""The packaged documents: what they serve is what the published ones serve, in our own words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource, locate
from cap_core.plan.call import Call
from cap_core.plan.plan import CapabilityPlan
from cap_core.plugins import loader
from cap_core.plugins.registry import Registry

DOCUMENTS = {"portkey-assistants": 23, "portkey-batch": 5, "aimlapi-threads-runs": 4}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loader.load()


@pytest.fixture(scope="module", params=DOCUMENTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def packaged(name: str, registry: Registry) -> Compiled:
    (source,) = locate([name], registry.capabilities)
    return compile_source(source, registry, CompileOptions())


@pytest.fixture(scope="module")
def published(name: str, registry: Registry, shared: Callable[[str], Path]) -> Compiled:
    return compile_source(DocumentSource(name, name, shared(f"seeds/{name}.yaml")), registry, CompileOptions())


def calls(compiled: Compiled) -> list[tuple[str, Call]]:
    assert compiled.plan is not None
    return [(exposure.type, call) for exposure in compiled.plan.exposures for call in exposure.calls]


def served(compiled: Compiled) -> set[tuple[object, ...]]:
    """Everything about an operation that a caller or an upstream can notice, but for the words."""
    return {
        (
            door,
            (call.exposed.name, call.exposed.method, call.exposed.path),
            # The published one has names twice, and warns of it.
            (call.answering.consumed.namespace, call.answering.method, call.answering.path, call.answering.format),
            frozenset((i.name, i.place, i.wire, i.type, i.required) for i in call.inputs.items),
            frozenset((field.place, field.name, repr(field.value)) for field in call.flow.steps[-1].request.fields),
            repr(getattr(call.exposed.detail, "hints", None) and hints(call)),
            call.identity,
        )
        for door, call in calls(compiled)
    }


def hints(call: Call) -> tuple[object, ...]:
    given = call.exposed.detail.hints  # type: ignore[attr-defined]  # tools have them
    return given.readOnly, given.destructive, given.idempotent


def test_a_packaged_document_serves_what_the_published_one_does(
    name: str, packaged: Compiled, published: Compiled
) -> None:
    assert 2 * DOCUMENTS[name] == len(served(packaged))
    assert served(published) == served(packaged)


def namespaces(plan: CapabilityPlan | None) -> list[tuple[str, int]]:
    assert plan is not None
    return [(exposure.namespace, exposure.port) for exposure in plan.exposures]


def test_namespaces_and_ports_stay(packaged: Compiled, published: Compiled) -> None:
    assert namespaces(published.plan) == namespaces(packaged.plan)


def test_nothing_is_wrong_with_a_packaged_document(packaged: Compiled) -> None:
    assert set() == {d.code for d in packaged.diagnostics if d.severity != "info"}


def test_each_operation_has_one_short_line_of_its_own(name: str, packaged: Compiled) -> None:
    lines = {call.answering.description for _, call in calls(packaged)}

    assert DOCUMENTS[name] == len(lines)
    for line in lines:
        assert re.fullmatch(r"[A-Z][^\n]{20,110}\.", line), line


def test_each_declared_input_says_what_it_is(packaged: Compiled) -> None:
    for _, call in calls(packaged):
        for item in (item for item in call.inputs.items if not item.opaque):
            assert re.fullmatch(r"\S[^\n]{8,100}\.", item.description), (call.key, item.name)


def words(compiled: Compiled) -> set[str]:
    texts = [text for _, call in calls(compiled) for text in (call.exposed.description, call.answering.description)]
    texts += [item.description for _, call in calls(compiled) for item in call.inputs.items]
    return {sentence.strip(" .").lower() for text in texts for sentence in text.split(". ") if sentence.strip(" .")}


def test_no_sentence_is_the_vendors(packaged: Compiled, published: Compiled) -> None:
    assert set() == words(packaged) & words(published)
