"""The JSON parsing suite, mapped: over REST, and as a tool. What the suite leaves open is data or a refusal in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from published import SHARED

SUITE = SHARED / "conformance" / "json"
FILES = sorted(SUITE.glob("*.json"))
BLANK = {"n_single_space", "n_structure_no_data"}
"""No JSON, but answers of nothing or of blanks, which are empty ones."""


@pytest.mark.skipif(not FILES, reason=f"the JSON parsing suite is not there ({SUITE})")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_faces_read_it_as_the_suite_says(serving: Any, path: Path) -> None:
    body = path.read_bytes()
    answer = serving.answer("json", body, "application/json")
    result = serving.tool("json", body, "application/json")
    kind = "e" if path.stem in BLANK else path.stem[0]
    if kind == "i":
        kind = "y" if answer.status_code == 200 else "n"

    if kind == "e":
        assert (200, b"") == (answer.status_code, answer.content)
        assert not result.get("isError")
    elif kind == "y":
        assert 200 == answer.status_code, answer.text
        assert answer.text == result["content"][0]["text"]
        assert not result.get("isError")
        if path.stem[0] == "y":
            assert json.loads(body) == answer.json()["all"] == result["structuredContent"]["all"]
    else:
        assert (502, "urn:cap:problem:upstream-malformed") == (answer.status_code, answer.json()["type"])
        assert result["isError"]


@pytest.mark.skipif(not FILES, reason=f"the JSON parsing suite is not there ({SUITE})")
def test_the_suite_is_all_there() -> None:
    assert len(FILES) >= 300
