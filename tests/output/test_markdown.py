"""Markdown: front matter, tables, sections, as they would be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PAGE = """\
---
title: Report
tags: [a, b]
---
Before any heading.

# Top *of* the `page`

One **bold** line
and [a link](https://x.example) with ![a picture](y.png), <b>html</b>, &amp; \\*.

- item
  - inner item

> quoted
> # not a heading of the page

```sh
# code
```

| name | size | name |
|------|:----:|------|
| x    | *1*  | y    |
| z    |

Second
------
text

### Results of it
r
"""
TOP = {
    "heading": "Top of the page",
    "level": 1,
    "content": "One bold line\nand a link with a picture, html, & *.\nitem\ninner item\nquoted\n"
    "not a heading of the page\n# code",
}
SECOND = {"heading": "Second", "level": 2, "content": "text"}
RESULTS = {"heading": "Results of it", "level": 3, "content": "r"}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_the_parts_of_a_page(serving: Any, line_break: str) -> None:
    assert {
        "frontMatter": {"title": "Report", "tags": ["a", "b"]},
        "tables": [[{"name": "x", "size": "1", "name_2": "y"}, {"name": "z", "size": "", "name_2": ""}]],
        "sections": [TOP, SECOND, RESULTS],
    } == serving.read("markdown", PAGE.replace("\n", line_break), "text/markdown")


@pytest.mark.parametrize(
    ("prefix", "sections"),
    [
        pytest.param("# Top", [TOP], id="level-and-text"),
        pytest.param("## ", [SECOND], id="a-level"),
        pytest.param("Results", [RESULTS], id="a-text"),
        pytest.param("###Results of it", [RESULTS], id="without-a-space"),
        pytest.param("# Results", [], id="another-level"),
        pytest.param("results", [], id="another-case"),
    ],
)
def test_sections_are_chosen_by_how_they_begin(serving: Any, prefix: str, sections: object) -> None:
    found = serving.read("markdown", PAGE, "text/markdown", f"outputSchema: '{prefix}'")

    assert sections == found["sections"]
    assert 1 == len(found["tables"])


@pytest.mark.parametrize(
    ("page", "front", "headings"),
    [
        pytest.param("", {}, [], id="nothing-but-white-space"),
        pytest.param("---\na: 1\n---", {"a": 1}, [], id="front-matter-alone"),
        pytest.param("---\n---\n# x", {}, ["x"], id="empty-front-matter"),
        pytest.param("---\nHello\n---\n# x", {}, ["Hello", "x"], id="a-line-and-a-heading"),
        pytest.param("---\na: [\n---\n# x", {}, ["a: [", "x"], id="not-yaml"),
        pytest.param("\n---\na: 1\n---\n# x", {}, ["a: 1", "x"], id="not-in-the-first-line"),
        pytest.param("---\na: 1\n# x", {}, ["x"], id="never-closed"),
        pytest.param("text\n\n    # code\n", {}, [], id="no-heading"),
        pytest.param("\ufeff---\na: é\n---\n# ü", {"a": "é"}, ["ü"], id="a-byte-order-mark"),
    ],
)
def test_front_matter(serving: Any, page: str, front: object, headings: list[str]) -> None:
    found = serving.read("markdown", page or " ")

    assert (front, headings) == (found["frontMatter"], [section["heading"] for section in found["sections"]])


@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        pytest.param(b"\xff", None, id="not-utf-8"),
        pytest.param(b"# a\n" * 100_000, None, id="larger-than-256-kib"),
        pytest.param(f"|{'a' * 100_000}|\n|-|\n" + "|x|\n" * 20_000, None, id="a-header-that-makes-it-large"),
    ],
)
def test_what_is_refused(refused: Callable[..., None], page: bytes | str, content_type: str | None) -> None:
    refused("markdown", page, content_type)


def test_outputs_over_sections(serving: Any) -> None:
    outputs = """\
- {name: title, type: string, mapping: $.frontMatter.title}
- {name: headings, type: array, mapping: "$.sections[*].heading"}
- {name: size, type: integer, mapping: "$.tables[0][0].size"}
"""
    mapped = serving.answer("markdown", PAGE, outputs=outputs).json()

    assert {"title": "Report", "headings": ["Top of the page", "Second", "Results of it"], "size": 1} == mapped
