"""The page to read and try an API: whole in itself, fit for a strict policy, and never reading text as markup."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from cap_core.testing import gateway

Drawn = subprocess.CompletedProcess[str]
FILES = resources.files("cap_core.server.pages")


@pytest.fixture(params=["docs.html", "docs.css", "docs.js"])
def file(request):
    return (FILES / request.param).read_text("utf-8")


def test_nothing_is_fetched_from_elsewhere(file):
    assert [] == re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}|@import|url\(", file)


def test_the_page_has_no_script_and_no_style_of_its_own_inline():
    html = (FILES / "docs.html").read_text("utf-8")

    assert [] == re.findall(r"<style|style=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", html)
    assert ['href="docs/docs.css"', 'src="docs/docs.js"'] == re.findall(r'(?:href|src)="docs/[^"]+"', html)


def test_the_script_never_reads_text_as_markup_or_code():
    script = (FILES / "docs.js").read_text("utf-8")

    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|srcdoc|\.style\b"
    assert [] == re.findall(forbidden, script)


def test_nothing_is_kept_in_the_browser():
    script = (FILES / "docs.js").read_text("utf-8")

    assert [] == re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie", script)


def test_a_browser_shows_operations_and_tools(thing: Path, drawn: Callable[[str], Drawn]) -> None:
    """Headless Chromium runs the page's script under its own policy; what it drew is in the DOM."""
    with gateway(thing) as cap:
        page = drawn(cap.url + "/docs")

    assert "/things/{id}" in page.stdout
    assert "get-thing" in page.stdout
    assert "/mcp/things" in page.stdout
    assert "Content Security Policy" not in page.stderr
