"""One small capability in every published dialect: all compile to the same plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.dialects import VERSIONS
from cap_core.document.sources import DocumentSource
from cap_core.plan.plan import CapabilityPlan
from cap_core.plugins import loader

LISTS = """\
{key}: {version}
info:
  {title}: Things
  description: Things to get.
binds:
- namespace: env
  keys: {{THINGS_KEY: THINGS_KEY}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example/v1
    authentication: {{type: bearer, token: '{{{{THINGS_KEY}}}}'}}
    resources:
    - name: things
      path: /things/{{id}}
      operations:
      - name: get-thing
        method: GET
        inputParameters:
        - {{name: id, in: path}}
        - {{name: verbose, in: query}}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - name: things
      path: /things/{{id}}
      operations:
      - name: get-thing
        method: GET
        call: api.get-thing
        with: {{id: rest.id, verbose: rest.verbose}}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - name: get-thing
      description: Get a thing.
      call: api.get-thing
      with: {{id: tools.id}}
"""

MAPS = """\
{key}: {version}
info:
  {title}: Things
  description: Things to get.
binds:
- namespace: env
  keys: {{THINGS_KEY: THINGS_KEY}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example/v1
    authentication: {{type: bearer, token: '{{{{THINGS_KEY}}}}'}}
    resources:
      things:
        path: /things/{{id}}
        operations:
          get-thing:
            method: GET
            inputParameters:
              id: {{in: path}}
              verbose: {{in: query}}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
      things:
        path: /things/{{id}}
        operations:
          get-thing:
            method: GET
            call: api.get-thing
            with: {{id: rest.id, verbose: rest.verbose}}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
      get-thing:
        description: Get a thing.
        call: api.get-thing
        with: {{id: tools.id}}
"""

WRITTEN = [
    pytest.param(shape, key, version, id=f"{key}-{version}-{'lists' if shape is LISTS else 'maps'}")
    for key, versions in VERSIONS.items()
    for version in versions
    for shape in ((LISTS,) if key == "naftiko" else (LISTS, MAPS))
]


def meaning(plan: CapabilityPlan) -> object:
    """A plan without the places in its document."""
    return (
        plan.about.title,
        plan.about.description,
        [(c.namespace, c.base, c.authentication and c.authentication.type) for c in plan.consumed],
        [(v.binding, v.key) for v in plan.variables],
        [
            (
                exposure.type,
                exposure.namespace,
                exposure.port,
                call.exposed.name,
                call.exposed.method,
                call.exposed.path,
                call.answering.address,
                call.answering.method,
                call.answering.path,
                [(i.name, i.place, i.wire, i.type, i.required) for i in call.inputs.items],
                [(f.place, f.name, f.value) for f in call.flow.steps[-1].request.fields],
            )
            for exposure in plan.exposures
            for call in exposure.calls
        ],
    )


@pytest.mark.parametrize(("shape", "key", "version"), WRITTEN)
def test_every_dialect_means_the_same(document: Callable[..., Path], shape: str, key: str, version: str) -> None:
    registry = loader.load()
    title = "label" if shape is LISTS and key == "naftiko" else "display"
    texts = (
        LISTS.format(key="naftiko", version="1.0.0-alpha2", title="label"),
        shape.format(key=key, version=version, title=title),
    )
    plans = []
    for text in texts:
        out = compile_source(DocumentSource("things", "things.yaml", document(text)), registry, CompileOptions())
        assert out.plan is not None, out.diagnostics
        assert [] == [d for d in out.diagnostics if d.severity != "info"]
        plans.append(meaning(out.plan))

    assert plans[0] == plans[1]


def test_errors_in_a_map_name_the_line(document: Callable[..., Path]) -> None:
    text = MAPS.format(key="ikanos", version="1.0.0-beta5", title="display").replace(
        "call: api.get-thing", "call: api.gone"
    )
    out = compile_source(DocumentSource("things", "things.yaml", document(text)), loader.load(), CompileOptions())

    assert out.refusal is not None
    assert "api.gone" in text.splitlines()[out.refusal.at.line - 1]
