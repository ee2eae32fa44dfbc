"""An entry of consumes that stands in a document twice is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

DOCUMENT = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - &a
    namespace: chat
    type: http
    baseUri: https://chat.example/api
    resources:
    - path: /list
      operations: [{{name: list, method: GET}}]
  - {again}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources: [{{path: /list, operations: [{{method: GET, name: list, call: chat.list}}]}}]
"""
ENTRY = (
    "{namespace: chat, type: http, baseUri: 'https://chat.example/api', "
    "resources: [{path: /list, operations: [{name: list, method: GET}]}]}"
)


@pytest.mark.parametrize("again", ["*a", ENTRY])
def test_equal_entries_are_one(document: Callable[..., Path], again: str) -> None:
    path = document(DOCUMENT.format(again=again))
    out = compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())
    with upstream() as api, gateway(path, base_uris={"chat": api.url}) as cap:
        assert httpx.get(cap.url + "/list").status_code == 200

    assert [("repeated-entry", "warning")] == [(d.code, d.severity) for d in out.diagnostics]
    assert [b"/list"] == [request.target for request in api.requests]


def test_entries_that_differ_stay_two(document: Callable[..., Path]) -> None:
    path = document(DOCUMENT.format(again=ENTRY.replace("chat.example/api", "other.example")))
    out = compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())

    assert out.refusal is not None
    assert "undecidable-call" == out.refusal.code
