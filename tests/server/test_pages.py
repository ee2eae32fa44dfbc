"""The page to read and try an API: whole in itself, fit for a strict policy, and never reading text as markup."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest

from cap_core.testing import gateway

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


def test_a_browser_shows_operations_and_tools(thing: Path, tmp_path: Path) -> None:
    """Headless Chromium runs the page's script under its own policy; what it drew is in the DOM."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        assert not os.environ.get("CAP_REQUIRE_CHROMIUM"), "CAP_REQUIRE_CHROMIUM is set, and there is no chromium"
        pytest.skip("there is no chromium on this machine")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
    ]
    with gateway(thing) as cap:
        words = [
            chromium,
            *flags,
            f"--user-data-dir={tmp_path}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            cap.url + "/docs",
        ]
        drawn = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)

    assert "/things/{id}" in drawn.stdout
    assert "get-thing" in drawn.stdout
    assert "/mcp/things" in drawn.stdout
    assert "Content Security Policy" not in drawn.stderr
