"""Answers in every format, by way of a running gateway and a real upstream; both live as long as the tests do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins.loader import load
from cap_core.testing import Answered, Recorded, Running, gateway, upstream

DOCUMENT = """\
naftiko: 1.0.0-alpha2
info: {{label: Formats, description: Formats for tests.}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /answer
      name: answer
      operations:
      - name: get-answer
        method: GET
        outputRawFormat: {format}
{beside}
  exposes:
  - type: rest
    namespace: formats-rest
    port: 8080
    resources:
    - path: /answer
      operations:
      - method: GET
        name: get-answer
        call: api.get-answer
        outputParameters:
{outputs}
  - type: mcp
    namespace: formats-mcp
    port: 9090
    tools:
    - name: get-answer
      description: Get it.
      call: api.get-answer
      outputParameters:
{outputs_of_tool}
"""
TOO_MUCH = re.compile(r"the answer cannot be read: [\w ]+")
WHOLE = "- {name: all, type: object, mapping: $.}"


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.strip("\n").splitlines())


def document_of(format: str, outputs: str = WHOLE, beside: str = "") -> str:
    return DOCUMENT.format(
        format=format,
        outputs=indented(outputs, 8),
        outputs_of_tool=indented(outputs, 6),
        beside=indented(beside, 8),
    )


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Compiled]:
    """Compile a document whose one operation answers in a format, with files beside it in `tmp_path`."""

    def compile(format: str, beside: str = "", outputs: str = WHOLE, **options: Any) -> Compiled:
        path = tmp_path / "d.yaml"
        path.write_text(document_of(format, outputs, beside))
        return compile_source(DocumentSource("d", "d.yaml", path), load(), CompileOptions(**options))

    return compile


class Serving:
    """Gateways, one for each format, outputs and options, all before the same upstream."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self.directory = directory
        self._stack = stack
        self._next = Answered()
        self._api = stack.enter_context(upstream(lambda request: self._next))
        self._running: dict[tuple[str, str, str], Running] = {}

    @property
    def last(self) -> Recorded:
        return self._api.requests[-1]

    def running(self, format: str, outputs: str = WHOLE, beside: str = "") -> Running:
        key = (format, outputs, beside)
        if key not in self._running:
            path = self.directory / f"formats-{len(self._running)}.yaml"
            path.write_text(document_of(*key))
            self._running[key] = self._stack.enter_context(gateway(path, base_uris={"api": self._api.url}))
        return self._running[key]

    def answer(
        self,
        format: str,
        body: bytes | str,
        content_type: str | None = None,
        outputs: str = WHOLE,
        beside: str = "",
        status: int = 200,
    ) -> httpx.Response:
        """What a REST caller gets when the upstream says `body`."""
        headers = () if content_type is None else ((b"content-type", content_type.encode()),)
        self._next = Answered(status, headers, body.encode() if isinstance(body, str) else body)
        return httpx.get(self.running(format, outputs, beside).url + "/answer", timeout=60)

    def read(self, format: str, body: bytes | str, content_type: str | None = None, beside: str = "") -> Any:
        """The whole of an answer as it is read."""
        response = self.answer(format, body, content_type, beside=beside)
        assert 200 == response.status_code, response.text
        assert "application/json" == response.headers["content-type"]
        return response.json()["all"]

    def tool(self, format: str, body: bytes, content_type: str, outputs: str = WHOLE, beside: str = "") -> Any:
        """The result of the tool when the upstream says `body`."""
        self._next = Answered(200, ((b"content-type", content_type.encode()),), body)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get-answer", "arguments": {}}}
        url = self.running(format, outputs, beside).url + "/mcp"
        return httpx.post(url, json=message, headers={"mcp-protocol-version": "2025-11-25"}).json()["result"]


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Ask for answers in any format."""
    with ExitStack() as stack:
        yield Serving(stack, tmp_path_factory.mktemp("formats"))


@pytest.fixture(scope="session")
def refused(serving: Serving) -> Callable[..., None]:
    """See that an answer which is not of its format, or takes too much, is a 502 that says so and nothing more."""

    def check(format: str, body: bytes | str, content_type: str | None = None, **how: Any) -> None:
        response = serving.answer(format, body, content_type, **how)
        assert 502 == response.status_code, response.text[:500]
        assert "application/problem+json" == response.headers["content-type"]
        problem = response.json()
        assert "urn:cap:problem:upstream-malformed" == problem["type"]
        detail = problem["detail"].removeprefix("api: ")
        whole = f"the answer is not the {format} it should be: "
        assert detail.startswith(whole) or TOO_MUCH.fullmatch(detail), detail

    return check
