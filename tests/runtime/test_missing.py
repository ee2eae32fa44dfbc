"""A mapping that finds nothing is told of once, whatever its face, format and depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from cap_core.testing import Answered, gateway, upstream

CONSUMES = """\
resources:
- path: /answer
  name: answer
  operations:
  - {{name: get-answer, method: GET, outputRawFormat: {format}}}
"""
REST = """\
- path: /answer
  operations:
  - method: GET
    name: get-answer
    call: api.get-answer
    outputParameters: {outputs}
"""


def told(things: Callable[..., Path], format: str, outputs: str, *bodies: bytes) -> list[list[str]]:
    """The mappings of each line that is logged while these answers come."""
    path = things(CONSUMES.format(format=format), REST.format(outputs=outputs))
    left = list(bodies)
    with (
        capture_logs() as lines,
        upstream(lambda request: Answered(body=left.pop(0))) as api,
        gateway(path, base_uris={"api": api.url}) as cap,
    ):
        for _ in bodies:
            assert 200 == httpx.get(cap.url + "/answer").status_code
    return [line["mappings"] for line in lines if line["event"] == "mappings found nothing"]


NESTED = "[{name: list, type: array, mapping: $.list, items: {properties: [{name: a, mapping: $.a}, {name: b, mapping: $.x}]}}]"
SOAP = b"<soap:Envelope><soap:Body><City>Bonn</City></soap:Body></soap:Envelope>"


@pytest.mark.parametrize(
    ("format", "outputs", "body", "expected"),
    [
        pytest.param(
            "json", "[{name: a, mapping: $.a}, {name: b, mapping: $.x}]", b'{"a": 1}', ["$.x"], id="one-of-two"
        ),
        pytest.param("json", "[{name: a, mapping: $.a}]", b'{"a": 1}', None, id="none"),
        pytest.param("json", NESTED, b'{"list": [{"a": null}, {"a": 1}]}', ["$.x"], id="nested"),
        pytest.param("json", NESTED, b'{"list": []}', None, id="nowhere-to-look"),
        pytest.param("json", "[{mapping: $.x}]", b'{"a": 1}', ["$.x"], id="without-a-name"),
        pytest.param("xml", "[{name: city, mapping: $.Envelope.Body.City}]", SOAP, ["$.Envelope.Body.City"], id="xml"),
        pytest.param("xml", "[{name: city, mapping: $.Body.City}]", SOAP, None, id="xml-without-its-root"),
    ],
)
def test_it_is_told_once(
    things: Callable[..., Path], format: str, outputs: str, body: bytes, expected: list[str] | None
) -> None:
    assert ([expected] if expected else []) == told(things, format, outputs, body, body, body)


def test_what_has_found_something_before_is_not_told_of(things: Callable[..., Path]) -> None:
    assert [] == told(things, "json", "[{name: a, mapping: $.a}]", b'{"a": 1}', b"{}")


def test_what_is_read_in_a_process_is_told_of_too(things: Callable[..., Path]) -> None:
    body = b'{"a": "' + b"x" * 300_000 + b'"}'

    assert [["$.x"]] == told(things, "json", "[{name: b, mapping: $.x}]", body, body)
