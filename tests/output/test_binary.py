"""Bytes: untouched for callers, whatever outputs stand beside them; base64 with a media type for a later step."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.compile.document import Compiled
from cap_core.testing import Answered, Recorded, gateway, upstream

PIXEL = b"\x89PNG\r\n\x1a\n\x00\xff"
UNTOUCHED = "- {type: object, mapping: $.}"
BESIDE = [
    pytest.param(UNTOUCHED, id="none"),
    pytest.param("- {name: caption, mapping: $.caption}", id="a-member"),
    pytest.param("- {name: data, mapping: $.data}\n- {name: type, mapping: $.mediaType}", id="two"),
    pytest.param("- {type: object, mapping: $., properties: [{name: a, mapping: $.a}]}", id="nested"),
]


@pytest.mark.parametrize("outputs", BESIDE)
def test_callers_get_the_bytes(serving: Any, outputs: str) -> None:
    answer = serving.answer("binary", PIXEL, "image/png", outputs=outputs)
    (block,) = serving.tool("binary", PIXEL, "image/png", outputs=outputs)["content"]

    assert (200, PIXEL, "image/png") == (answer.status_code, answer.content, answer.headers["content-type"])
    assert ("image", "image/png", PIXEL) == (block["type"], block["mimeType"], base64.b64decode(block["data"]))


@pytest.mark.parametrize("outputs", BESIDE)
def test_outputs_beside_bytes_are_a_warning(compiled: Callable[..., Compiled], outputs: str) -> None:
    codes = [one.code for one in compiled("binary", outputs=outputs).diagnostics]

    assert codes.count("outputs-of-bytes") == (0 if outputs == UNTOUCHED else 2), codes  # one for each face


def test_untouched_bytes_are_streamed_under_the_documents_type(serving: Any) -> None:
    as_sent = serving.answer("binary", PIXEL, "image/png", outputs=UNTOUCHED)
    renamed = serving.answer(
        "binary", PIXEL, "application/octet-stream", outputs=UNTOUCHED, beside="outputMediaType: image/png"
    )
    failed = serving.answer(
        "binary", b"no", "text/plain", outputs=UNTOUCHED, beside="outputMediaType: image/png", status=404
    )

    assert (PIXEL, "image/png") == (as_sent.content, as_sent.headers["content-type"])
    assert (PIXEL, "image/png") == (renamed.content, renamed.headers["content-type"])
    assert (b"no", "text/plain") == (failed.content, failed.headers["content-type"])


def test_the_description_says_the_documents_type(serving: Any) -> None:
    url = serving.running("binary", UNTOUCHED, "outputMediaType: image/png").url
    described = httpx.get(url + "/openapi.json").json()["paths"]["/answer"]["get"]["responses"]["2XX"]

    assert ["image/png"] == list(described["content"])


STEPS = """\
ikanos: 1.0.0-beta5
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    resources:
      picture:
        path: /picture
        operations:
          get: {{method: GET, outputRawFormat: binary{beside}}}
      kept:
        path: /kept
        operations:
          keep: {{method: POST, inputParameters: {{data: {{in: body}}, type: {{in: body}}}}}}
  exposes:
  - type: rest
    namespace: pictures
    port: 8080
    resources:
      picture:
        path: /picture
        operations:
          keep:
            method: POST
            steps:
              found: {{call: api.get}}
              kept: {{call: api.keep, with: {{data: found.data, type: found.mediaType}}}}
"""


@pytest.mark.parametrize(
    ("content_type", "beside", "expected"),
    [
        pytest.param(None, "", "application/octet-stream", id="nobody-says"),
        pytest.param("image/png", "", "image/png", id="the-upstream-says"),
        pytest.param("image/png", ", outputMediaType: image/webp", "image/webp", id="the-document-says"),
        pytest.param("image/png", ", maxBinarySize: 9 B", None, id="larger-than-allowed"),
        pytest.param("image/png", ", maxBinarySize: 0.01KiB", "image/png", id="as-large-as-allowed"),
    ],
)
def test_a_later_step_gets_base64(
    document: Callable[..., Path], content_type: str | None, beside: str, expected: str | None
) -> None:
    def answer(request: Recorded) -> Answered:
        headers = () if content_type is None else ((b"content-type", content_type.encode()),)
        return Answered(headers=headers, body=PIXEL) if request.method == "GET" else Answered()

    with (
        upstream(answer) as api,
        gateway(document(STEPS.format(beside=beside)), base_uris={"api": api.url}) as cap,
    ):
        status = httpx.post(cap.url + "/picture").status_code
        sent = [request.body for request in api.requests if request.method == "POST"]

    if expected is None:
        assert (502, []) == (status, sent)
    else:
        assert [f'{{"data":"{base64.b64encode(PIXEL).decode()}","type":"{expected}"}}'.encode()] == sent
