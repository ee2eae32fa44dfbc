"""`cap serve --reload`: edits take over without a failed call, and bad ones do not."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from cap_core.testing import Answered, Recorded, Upstream, upstream
from waiting import until

Serving = Callable[..., Any]

PATIENCE = 10.0


def answer(request: Recorded) -> Answered:
    return Answered(body=json.dumps({"target": request.target.decode()}).encode())


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture
def live(serving: Serving, api: Upstream) -> Callable[..., Any]:
    """Serve documents, and follow their edits."""

    def start(*names: str, **more: str) -> Any:
        return serving(*names, "--reload", "--port", "0", "--base-uri", f"api={api.url}", **more)

    return start


def test_an_edit_takes_over(live: Callable[..., Any], thing: Path) -> None:
    with live(thing.name) as server:
        assert httpx.get(server.url + "/things/1").json() == {"target": "/things/1"}
        _edit(thing, "- path: /things/{id}", "- path: /renamed/{id}")
        server.wait_for('"reloaded"')

        assert httpx.get(server.url + "/renamed/1").json() == {"target": "/things/1"}
        assert httpx.get(server.url + "/things/1").status_code == 404


def test_a_bad_edit_keeps_the_last_good_plan_and_says_why(live: Callable[..., Any], thing: Path) -> None:
    good = thing.read_text()
    with live(thing.name) as server:
        thing.write_text(good + "capability: {}\n")
        line = json.loads(server.wait_for("last good plan"))
        assert line["level"] == "error"
        assert line["event"].startswith("things.yaml:")
        assert "error[duplicate-key]" in line["event"]
        assert httpx.get(server.url + "/things/1").status_code == 200

        thing.write_text(good)
        server.wait_for('"reloaded"')


VAULT = """\
import pathlib
from cap_core import *

HERE = pathlib.Path(__file__).parent


class Vault:
    def describe(self, name):
        return f"{name} of the vault"

    async def fetch(self, names):
        if (HERE / "down").exists():
            raise ConnectionError("the vault is down")
        return {}


def wrap(call, run):
    if (HERE / "broken").exists():
        raise ValueError("the quota is gone")
    return run


@hookimpl
def cap_bindings():
    return [BindingResolver(key="vault", parse=lambda location, at: Vault())]


@hookimpl
def cap_interceptors():
    return [Interceptor(key="quota", wrap_call=wrap)]
"""


@pytest.mark.parametrize(("flag", "says"), [("down", "the vault is down"), ("broken", "the quota is gone")])
def test_a_plugin_that_fails_at_an_edit_keeps_the_last_good_plan_and_the_next_edit_is_taken(
    live: Callable[..., Any], thing: Path, flag: str, says: str
) -> None:
    thing.write_text(thing.read_text().replace("- namespace: env\n", "- namespace: env\n  location: vault:x\n"))
    thing.with_name("vault.py").write_text(VAULT)
    with live(thing.name, "--plugin", "vault.py") as server:
        thing.with_name(flag).touch()
        _edit(thing, "- path: /things/{id}", "- path: /renamed/{id}")
        line = json.loads(server.wait_for("last good plan"))
        assert "vault of vault.py: " in line["event"]
        assert says in line["event"]
        assert httpx.get(server.url + "/things/1").status_code == 200

        thing.with_name(flag).unlink()
        _edit(thing, "- path: /renamed/{id}", "- path: /again/{id}")
        server.wait_for('"reloaded"')
        assert httpx.get(server.url + "/again/1").status_code == 200


def test_a_file_that_is_replaced_or_gone_for_a_moment_is_followed(live: Callable[..., Any], thing: Path) -> None:
    text = thing.read_text()
    with live(thing.name) as server:
        thing.unlink()
        assert "things.yaml" in server.wait_for("last good plan")
        other = thing.with_suffix(".new")
        other.write_text(text.replace("label: Things", "label: Others"))
        other.rename(thing)
        server.wait_for('"reloaded"')
        assert httpx.get(server.url + "/openapi.json").json()["info"]["title"] == "Others"


def test_a_new_document_of_a_directory_is_taken_up(live: Callable[..., Any], thing: Path, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    moved = thing.rename(tmp_path / "documents" / "things.yaml")
    with live("documents") as server:
        (tmp_path / "documents" / "below").mkdir()
        (tmp_path / "documents" / "below" / "more.yaml").write_text(moved.read_text())
        server.wait_for('"reloaded"')

        assert httpx.get(server.url + "/more/things/1").status_code == 200


def test_other_ports_need_a_restart(serving: Serving, thing: Path, free_ports: Callable[[int], list[int]]) -> None:
    rest, mcp, new = free_ports(3)
    thing.write_text(thing.read_text().replace("8080", str(rest)).replace("9090", str(mcp)))
    with serving(thing.name, "--reload") as server:
        _edit(thing, f"port: {mcp}", f"port: {new}")
        line = server.wait_for("last good plan")

        assert f"the new documents want port {new}, which is not open; restart to listen there" in line
        assert httpx.post(f"http://127.0.0.1:{mcp}/mcp").status_code != 404


def test_settings_are_taken_up_or_need_a_restart(live: Callable[..., Any], thing: Path, tmp_path: Path) -> None:
    config = tmp_path / "cap.toml"
    config.write_text("drain = 3\n")
    with live(thing.name) as server:
        config.write_text("prot = 3\n")
        assert "cap.toml:1:1: 'prot' is no setting" in server.wait_for("last good plan")
        config.write_text("drain = 4\n")
        assert json.loads(server.wait_for("restart to take up"))["settings"] == ["drain"]


def test_a_plugin_file_that_changed_needs_a_restart(live: Callable[..., Any], thing: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "extra.py"
    plugin.write_text("# nothing yet\n")
    with live(thing.name, CAP_PLUGIN="extra.py") as server:
        plugin.write_text("# something else\n")
        line = json.loads(server.wait_for("extra.py has changed"))

    assert ("extra.py has changed; restart to take it up", "warning") == (line["event"], line["level"])


def test_no_call_fails_while_documents_are_edited(
    live: Callable[..., Any], thing: Path, load: Callable[..., Any]
) -> None:
    text = thing.read_text()
    with live(thing.name) as server:
        clients = load(server.url, "/things/things/1")

        def edit_once(title: str) -> None:
            thing.write_text(text.replace("label: Things", f"label: {title}"))
            until(lambda: httpx.get(server.url + "/openapi.json").json()["info"]["title"] == title)
            refused = _refusals(server)
            thing.write_text("naftiko: [")
            until(lambda: _refusals(server) > refused)

        def edit() -> None:
            for n in range(6):
                edit_once(f"Edit {n}")

        asyncio.run(clients.run(8, edit))

    assert clients.failures == []
    assert clients.statuses == {b"200"}


def test_it_ends_with_0_while_it_watches(live: Callable[..., Any], thing: Path) -> None:
    with live(thing.name) as server:
        server.signal(signal.SIGTERM)

        assert server.ended() == 0
        assert [json.loads(line)["event"] for line in server.lines][-3:] == ["ready", "draining", "stopped"]


def test_documents_are_followed_where_their_directory_went_away(
    live: Callable[..., Any], thing: Path, tmp_path: Path
) -> None:
    (tmp_path / "documents").mkdir()
    thing.rename(tmp_path / "documents" / "things.yaml")
    with live("documents") as server:
        (tmp_path / "documents").rename(tmp_path / "elsewhere")
        server.wait_for("last good plan")
        assert httpx.get(server.url + "/things/1").status_code == 200
        (tmp_path / "elsewhere").rename(tmp_path / "documents")
        server.wait_for('"reloaded"')


# --- SIGHUP -----------------------------------------------------------------------------------------------------------


def test_sighup_takes_up_documents_and_secrets(
    serving: Serving, things: Callable[..., Path], get_thing: str, api: Upstream, tmp_path: Path
) -> None:
    auth = "authentication: {type: bearer, token: '{{THINGS_KEY}}'}\n"
    document = things(
        auth + get_thing, "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
    )
    secrets = tmp_path / "secrets.env"
    secrets.write_text("THINGS_KEY=first")
    words = ("--port", "0", "--base-uri", f"api={api.url}", "--env-file", secrets)
    with serving(document, *words) as server:
        assert httpx.get(server.url + "/things/1").status_code == 200
        secrets.write_text("THINGS_KEY=second")
        _edit(
            document,
            "- path: /things/{id}\n      operations:\n      - {method",
            "- path: /renamed/{id}\n      operations:\n      - {method",
        )
        server.signal(signal.SIGHUP)
        server.wait_for('"reloaded"')

        assert httpx.get(server.url + "/renamed/1").status_code == 200
        assert httpx.get(server.url + "/things/1").status_code == 404
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert [b"Bearer first", b"Bearer second"] == [request.header("authorization") for request in api.requests]


def test_sighup_with_a_bad_edit_keeps_the_last_good_plan(serving: Serving, thing: Path, api: Upstream) -> None:
    good = thing.read_text()
    with serving(thing.name, "--port", "0", "--base-uri", f"api={api.url}") as server:
        for _ in range(2):
            thing.write_text(good + "capability: {}\n")
            refused = _refusals(server)
            server.signal(signal.SIGHUP)
            until(lambda: _refusals(server) > refused)  # noqa: B023  (called at once)
            assert httpx.get(server.url + "/things/1").status_code == 200
        thing.write_text(good)
        server.signal(signal.SIGHUP)
        server.wait_for('"reloaded"')


def test_sighup_ends_no_call(serving: Serving, thing: Path, load: Callable[..., Any], api: Upstream) -> None:
    with serving(thing.name, "--port", "0", "--base-uri", f"api={api.url}") as server:
        clients = load(server.url, "/things/1")

        def reload() -> None:
            for n in range(1, 6):
                server.signal(signal.SIGHUP)
                until(lambda: sum('"reloaded"' in line for line in server.lines) >= n)  # noqa: B023  (called at once)

        asyncio.run(clients.run(8, reload))

    assert clients.failures == []
    assert clients.statuses == {b"200"}


# --- certificates -----------------------------------------------------------------------------------------------------


class Authority:
    """Issues certificates into two files, and knows which one a server shows."""

    def __init__(self, folder: Path) -> None:
        self.chain, self.key = folder / "chain.pem", folder / "key.pem"
        self._ca = trustme.CA()

    def issue(self, kind: trustme.KeyType = trustme.KeyType.ECDSA) -> bytes:
        issued = self._ca.issue_cert("127.0.0.1", key_type=kind)
        issued.cert_chain_pems[0].write_to_path(self.chain)
        issued.private_key_pem.write_to_path(self.key)
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    def shown(self, url: str) -> bytes:
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        host, _, port = url.removeprefix("https://").partition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as plain:
            with context.wrap_socket(plain, server_hostname=host) as connection:
                shown = connection.getpeercert(binary_form=True)
                assert shown is not None
                return shown


@pytest.mark.parametrize("kind", [trustme.KeyType.ECDSA, trustme.KeyType.RSA], ids=["same-kind", "another-kind"])
@pytest.mark.parametrize("how", ["signal", "watching"])
def test_a_renewed_certificate_is_shown(serving: Serving, thing: Path, tmp_path: Path, kind: Any, how: str) -> None:
    authority = Authority(tmp_path)
    first = authority.issue()
    words = ("--port", "0", "--tls-cert", authority.chain, "--tls-key", authority.key)
    with serving(thing, *words, *(["--reload"] if how == "watching" else [])) as server:
        assert authority.shown(server.url) == first
        second = authority.issue(kind)
        if how == "signal":
            server.signal(signal.SIGHUP)
        until(lambda: authority.shown(server.url) != first)

        assert authority.shown(server.url) == second


def test_a_certificate_that_cannot_be_used_does_not_replace_a_good_one(
    serving: Serving, thing: Path, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    first = authority.issue()
    with serving(thing, "--port", "0", "--tls-cert", authority.chain, "--tls-key", authority.key) as server:
        authority.key.write_text("nothing")
        server.signal(signal.SIGHUP)
        said = json.loads(server.wait_for("last good certificate"))
        server.wait_for('"reloaded"')

        assert "are no certificate with its key" in said["event"]
        assert authority.shown(server.url) == first


def _refusals(server: Any) -> int:
    """How many reloads have been refused so far."""
    return sum("last good plan" in line for line in server.lines)


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
