"""Values that a plugin fetches: what a failure or a hang of its vault does at start, while it serves, and in explain."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.cli import main
from cap_core.errors import CapError
from cap_core.logging import log
from cap_core.runtime.options import OpenOptions
from cap_core.testing import gateway, upstream

VAULT = """\
import asyncio
import pathlib
from cap_core import *


class Vault:
    def describe(self, name):
        return f"{name} of the vault"

    async def fetch(self, names):
        {fetch}


@hookimpl
def cap_bindings():
    return [BindingResolver(key="vault", parse=lambda location, at: Vault(), timeout=0.2)]
"""
GOOD = "return {name: Secret('from-the-vault') for name in names}"
FAILURES = {
    "raises": ("raise ConnectionError('the vault is down')", "failed: the vault is down", ":11)"),
    "option": ("raise OptionError('location', 'no such path')", "failed: no such path", ":11)"),
    "error": ("raise CapError('the vault is sealed')", "failed: the vault is sealed", ":11)"),
    "cancelled": ("raise asyncio.CancelledError", "failed: it cancelled itself", ":11)"),
    "exits": ("raise SystemExit(3)", "failed: it ends the process with 3", ":11)"),
    "hangs": ("await asyncio.sleep(3600)", "did not end within 0.2 s", ":10)"),
    "none": ("return None", "gave None, not a mapping from names to Secrets", ":10)"),
    "texts": ("return dict.fromkeys(names, 'v')", "gave a value of type str, not a mapping", ":10)"),
}


@pytest.fixture
def vault(tmp_path: Path, things, get_thing) -> Callable[[str], tuple[Path, Path]]:
    """A document whose credential comes from a vault, and the vault's plugin."""

    def write(fetch: str) -> tuple[Path, Path]:
        plugin = tmp_path / "vault.py"
        plugin.write_text(VAULT.replace("{fetch}", fetch))
        rest = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
        auth = "authentication: {type: basic, username: '{{THINGS_KEY}}', password: '{{THINGS_KEY}}'}\n"
        document = things(auth + get_thing, rest)
        text = document.read_text().replace("- namespace: env\n", "- namespace: env\n  location: vault:things\n")
        document.write_text(text)
        return document, plugin

    return write


@pytest.mark.parametrize("case", FAILURES)
def test_values_that_cannot_be_fetched_stop_the_start_in_one_line(vault, case: str) -> None:
    fetch, says, at = FAILURES[case]
    document, plugin = vault(fetch)

    with pytest.raises(CapError) as stopped, gateway(document, plugin_files=[plugin]):
        pytest.fail("it is served")

    line = str(stopped.value)
    assert f"vault of {plugin}: fetch of the binding location vault {says}" in line
    assert f"vault.py{at}" in line
    assert "--keep-going" in line


@pytest.mark.parametrize("case", FAILURES)
def test_with_keep_going_their_calls_answer_503(vault, capfd, case: str) -> None:
    log.configure("json", "info")
    fetch, says, _ = FAILURES[case]
    document, plugin = vault(fetch)

    with gateway(document, plugin_files=[plugin], opening=OpenOptions(keep_going=True)) as cap:
        answer = httpx.get(cap.url + "/things/7")

    assert (503, "urn:cap:problem:not-configured") == (answer.status_code, answer.json()["type"])
    assert "THINGS_KEY" in answer.json()["detail"]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [True] == [says in line["event"] for line in lines if line["level"] == "error"]


@pytest.mark.parametrize("fetch", [GOOD, FAILURES["raises"][0]], ids=["good", "down"])
def test_explain_shows_stand_ins_for_what_needs_the_network(vault, capfd, fetch: str) -> None:
    document, plugin = vault(fetch)

    assert 0 == main(["explain", str(document), "get-thing", "id=7", "--plugin", str(plugin)])

    out = capfd.readouterr()
    assert "" == out.err
    assert "Authorization" in out.out
    assert "***" in out.out
    assert "from-the-vault" not in out.out


def test_values_are_fetched_once_and_sent(vault) -> None:
    document, plugin = vault(GOOD)
    with upstream() as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        assert 200 == httpx.get(cap.url + "/things/7").status_code

    assert api.requests[0].header("authorization")
