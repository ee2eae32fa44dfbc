"""Bytes: untouched unless outputs are read from them, then base64 with a media type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

PIXEL = b"\x89PNG\r\n\x1a\n\x00\xff"
UNTOUCHED = "- {type: object, mapping: $.}"


def test_mapped_bytes_are_base64(serving: Any) -> None:
    assert {"data": "iVBORw0KGgoA/w==", "mediaType": "image/png"} == serving.read("binary", PIXEL, "image/png")


@pytest.mark.parametrize(
    ("content_type", "beside", "expected"),
    [
        pytest.param(None, "", "application/octet-stream", id="nobody-says"),
        pytest.param("image/png", "", "image/png", id="the-upstream-says"),
        pytest.param("image/png", "outputMediaType: image/webp", "image/webp", id="the-document-says"),
    ],
)
def test_the_media_type(serving: Any, content_type: str | None, beside: str, expected: str) -> None:
    assert expected == serving.read("binary", PIXEL, content_type, beside)["mediaType"]


@pytest.mark.parametrize(
    ("size", "fits"),
    [("10", True), ("9", False), ("10B", True), ("0.01KiB", True), ("0.001 MiB", True), ("9 B", False)],
)
def test_the_largest_size(serving: Any, refused: Callable[..., None], size: str, fits: bool) -> None:
    if fits:
        assert "iVBORw0KGgoA/w==" == serving.read("binary", PIXEL, None, f"maxBinarySize: {size}")["data"]
    else:
        refused("binary", PIXEL, beside=f"maxBinarySize: {size}")


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


def test_a_tool_gets_untouched_bytes_as_what_the_document_calls_them(serving: Any) -> None:
    result = serving.tool("binary", PIXEL, "application/octet-stream", UNTOUCHED, "outputMediaType: image/png")

    assert ("image", "image/png", "iVBORw0KGgoA/w==") == tuple(
        result["content"][0][key] for key in ("type", "mimeType", "data")
    )


def test_a_tool_gets_no_more_than_the_operation_allows(serving: Any) -> None:
    result = serving.tool("binary", PIXEL, "image/png", UNTOUCHED, "maxBinarySize: 9B")

    assert result["isError"]
