"""The page about formats: every example becomes what it says, and every format is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cap_core.plugins.loader import load

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```\n\nbecomes\n\n```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("format", "answer", "data"), EXAMPLES, ids=[format for format, _, _ in EXAMPLES])
def test_an_answer_becomes_what_the_page_says(serving: Any, format: str, answer: str, data: str) -> None:
    assert json.loads(data) == serving.read(format, answer, f"text/{format}")


def test_every_format_is_on_the_page() -> None:
    headings = {name for line in re.findall(r"^## (.*)$", PAGE, re.MULTILINE) for name in line.split(", ")}

    assert set(load().output_mappers) == headings
    assert len(EXAMPLES) == len(headings) - 3  # those with a schema, and bytes
