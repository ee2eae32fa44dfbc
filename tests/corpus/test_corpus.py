"""The published documents: tier, reason and line agree with a program's opinion of them, but for reviewed exceptions.

The manifest beside the documents is that opinion. `REASONS` maps its names to our codes; `corpus_disagreements.yaml`
says for each document on which we differ why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from published import CORPUS, OWN

DISAGREEMENTS = Path(__file__).parent / "disagreements.yaml"
ENOUGH = 0.97
"""The program's opinion is older than some rules of ours: a third of what is reviewed differs because of those."""

REASONS: dict[str, set[str]] = {
    "auth.alias-spelling": {"alias-option"},
    "auth.apikey-multi-header": {"alias-option"},
    "auth.apikey-placement": {"alias-option"},
    "auth.key-auth": {"alias-key"},
    "auth.literal-credential": {"literal-credential"},
    "auth.unsupported-type": {"unknown-auth"},
    "baseUri.missing": {"no-base-uri"},
    "baseUri.not-http": {"bad-base-uri"},
    "baseUri.shell-variable": {"base-uri-braces", "unbound-variable"},
    "baseUri.shell-variable-bound": {"base-uri-braces"},
    "baseUri.single-brace-variable": {"base-uri-braces", "unbound-variable"},
    "baseUri.single-brace-variable-bound": {"base-uri-braces"},
    "body.data-type": {"unsupported-body"},
    "body.template-and-param": {"body-and-parameters"},
    "body.type-unknown": {"unsupported-body", "alias-body"},
    "call.ambiguous-resolved": {"ambiguous-call"},
    "call.ambiguous-unresolved": {"undecidable-call"},
    "call.malformed": {"malformed-call", "dangling-call"},
    "call.target-defective": {"lost-identifier", "unbalanced-path", "unsupported-body", "bad-template"},
    "call.to-import": {"not-built-import", "dangling-call"},
    "call.unknown-namespace": {"dangling-call"},
    "call.unknown-operation": {"dangling-call"},
    "cap.missing": {"missing-key"},
    "consumes.external-import": {"not-built-import"},
    "consumes.method": {"unknown-method"},
    "consumes.method-missing": {"no-method"},
    "consumes.op-id-not-name": {"alias-key"},
    "consumes.op-path": {"operation-path"},
    "consumes.op-path-absolute": {"operation-path"},
    "consumes.path-missing": {"missing-key"},
    "consumes.resource-no-operations": {"empty-resource"},
    "consumes.unknown-key": {"alias-key", "unknown-key"},
    "doc.no-naftiko-key": {"not-a-capability"},
    "doc.version-not-string": {"unknown-version"},
    "exposes.no-namespace": {"no-namespace"},
    "exposes.no-port": {"no-port", "not-built-skill"},
    "exposes.stdio-with-port": {"not-built-stdio"},
    "exposes.unknown-type": {"unknown-exposure"},
    "info.no-label": {"alias-key"},
    "info.unknown-key": {"alias-key", "unknown-key"},
    "mustache.unbound": {"unbound-variable"},
    "output.malformed": {"wrong-type"},
    "param.duplicate": {"duplicate-parameter"},
    "param.empty-name": {"nameless-parameter"},
    "param.in-unknown": {"guessed-place"},
    "param.malformed": {"wrong-type"},
    "param.no-in": {"guessed-place"},
    "param.same-name-two-places": {"duplicate-parameter"},
    "param.type-unknown": {"unknown-type"},
    "path.double-slash": {"odd-slashes"},
    "path.fragment-in-path": {"unbalanced-path"},
    "path.no-leading-slash": {"odd-slashes"},
    "path.param-not-in-template": {"lost-identifier"},
    "path.repeated-placeholder": {"operation-path", "repeated-placeholder"},
    "raw.unknown-format": {"unknown-format"},
    "rest.method": {"unknown-method"},
    "rest.no-resources": {"empty-exposure"},
    "rest.op-malformed": {"wrong-type"},
    "rest.op-no-call": {"no-call"},
    "rest.op-path": {"operation-path"},
    "rest.op-unknown-key": {"unknown-key"},
    "rest.path-fragment": {"unbalanced-path"},
    "rest.path-no-leading-slash": {"odd-slashes"},
    "rest.path-query": {"unbalanced-path"},
    "rest.resource-malformed": {"wrong-type"},
    "rest.resource-no-operations": {"empty-exposure"},
    "router.duplicate-route": {"duplicate-route"},
    "router.same-shape-route": {"duplicate-route"},
    "serve.nothing": {"nothing-live", "no-call"},
    "skill.file-location": {"not-built-skill"},
    "tool-no-call": {"no-call"},
    "tool.duplicate-name": {"duplicate-name"},
    "tool.hints-contradict": {"contradicting-hints"},
    "tool.hints-malformed": {"bad-hints"},
    "tool.hints-null": {"bad-hints"},
    "tool.input-mapping": {"unknown-parameter", "unknown-key"},
    "tool.property-name-illegal": {"renamed-property"},
    "with.key-spelled-differently": {"respelled-key"},
    "with.key-unknown-to-operation": {"unknown-parameter", "lost-identifier"},
    "with.malformed": {"wrong-type"},
    "with.null": {"empty-with"},
    "with.required-param-missing": {"uncovered-parameter"},
    "with.required-path-param-missing": {"uncovered-parameter"},
    "with.structured-literal": {"literal-source"},
    "yaml.duplicate-key": {"duplicate-key"},
    "yaml.invalid": {"not-yaml"},
}
"""The manifest's names for a reason, and ours."""

QUARANTINES = {"empty-exposure"}
"""Codes that leave out an exposure's operations without one of them being named."""


def tier(out: Compiled) -> str:
    if out.plan is None:
        return "T3"
    codes = {d.code for d in out.diagnostics}
    if any(exposure.rejected for exposure in out.plan.exposures) or codes & QUARANTINES:
        return "T2-quarantine"
    return "T2-warn" if any(d.severity == "warning" for d in out.diagnostics) else "T1"


def agrees(row: dict[str, Any], out: Compiled) -> bool:
    """Whether the tier is the same, and one of the reasons for it stands on the same line under a code that maps."""
    if tier(out) != row["tier"]:
        return False
    if row["tier"] == "T1":
        return True
    if row["tier"] == "T3":
        refusal = out.refusal
        assert refusal is not None
        theirs = {(row["error"]["code"], row["error"]["line"])}
        ours = {(refusal.code, refusal.at.line)}
    else:
        theirs = {(w["code"], w["line"]) for w in row["warnings"] if w["code"] in row["reasons"]}
        ours = {(d.code, d.at.line) for d in out.diagnostics if d.severity != "info"}
    return any((code, line) in ours for reason, line in theirs for code in REASONS.get(reason, ()))


@pytest.fixture(scope="module", params=[CORPUS, OWN], ids=["published", "own"])
def corpus(request: pytest.FixtureRequest) -> Path:
    """A folder with documents and their manifest: the published ones beside the checkout, or our own."""
    folder: Path = request.param
    if not (folder / "manifest.jsonl").is_file():
        pytest.skip("the published documents are not beside the checkout (corpus/manifest.jsonl)")
    return folder


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (corpus / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def compiled(corpus: Path, rows: list[dict[str, Any]]) -> dict[str, Compiled]:
    """Every document, compiled with our own plugins alone: a vendor package's rules are not the corpus's matter."""
    everything = loader.load()
    others = frozenset(plugin.name for plugin in everything.plugins if plugin.distribution != "cap-core")
    registry = loader.load(block=others)

    def each() -> Iterator[tuple[str, Compiled]]:
        for row in rows:
            path = corpus / row["path"]
            yield row["path"], compile_source(DocumentSource(path.stem, row["path"], path), registry, CompileOptions())

    return dict(each())


def test_every_document_gives_a_plan_or_one_located_reason(compiled: dict[str, Compiled]) -> None:
    for path, out in compiled.items():
        errors = [d for d in out.diagnostics if d.severity == "error"]
        assert (out.plan is None) == bool(errors), path
        assert all(d.at.line > 0 and d.hint for d in errors), path


def test_tier_reason_and_line_agree(corpus: Path, rows: list[dict[str, Any]], compiled: dict[str, Compiled]) -> None:
    reviewed = yaml.safe_load(DISAGREEMENTS.read_text()) if corpus == CORPUS else {}
    differing = [row["path"] for row in rows if not agrees(row, compiled[row["path"]])]

    assert set() == set(differing) - set(reviewed), "documents we differ on that nobody has reviewed"
    assert set() == set(reviewed) - set(differing), "reviewed documents we now agree on: take them out"
    assert len(differing) / len(rows) <= 1 - ENOUGH
