"""`cap health`: for probes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from cap_core.testing import gateway, upstream
from processes import environment

Cap = Callable[..., subprocess.CompletedProcess[str]]


def test_it_is_0_while_the_gateway_is_live_and_ready(cap: Cap, thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as running:
        port = str(running.port)
        live, ready = cap("health", "--port", port), cap("health", "--ready", CAP_PORT=port)
        assert ((0, "live\n", ""), (0, "ready\n", "")) == tuple(
            (one.returncode, one.stdout, one.stderr) for one in (live, ready)
        )
        running.gateway.draining = True
        assert 0 == cap("health", "--port", port).returncode
        draining = cap("health", "--ready", "--port", port)

    assert (1, "") == (draining.returncode, draining.stdout)
    assert f"the gateway at 127.0.0.1:{port} is not ready: it answers 503\n" == draining.stderr


def test_the_port_may_stand_in_a_file(cap: Cap, thing: Path, tmp_path: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as running:
        (tmp_path / "cap.toml").write_text(f"port = {running.port}\nhost = '0.0.0.0'\n")
        assert 0 == cap("health").returncode


def test_a_gateway_that_serves_https_is_asked_so(
    cap: Cap, serving: Callable[..., Any], thing: Path, tmp_path: Path
) -> None:
    certificate = trustme.CA().issue_cert("gateway.example")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    variables = {"CAP_TLS_CERT": "cert.pem", "CAP_TLS_KEY": "key.pem"}
    with serving(thing.name, "--port", "0", **variables) as server:
        port = server.url.rpartition(":")[2]
        assert 0 == cap("health", "--ready", "--port", port, **variables).returncode


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ([], 2, "no port is known; name that of 'cap serve' with --port"),
        (["--port", "PORT"], 1, "no gateway answers at 127.0.0.1:PORT: Connection refused"),
        (["--port", "0"], 2, "Invalid value for '--port'"),
    ],
)
def test_what_it_cannot_find_is_told(
    cap: Cap, free_ports: Callable[[int], list[int]], words: list[str], code: int, complaint: str
) -> None:
    port = str(free_ports(1)[0])
    result = cap("health", *(word.replace("PORT", port) for word in words))

    assert (code, "") == (result.returncode, result.stdout)
    assert result.stderr.startswith(complaint.replace("PORT", port))
    assert 1 == result.stderr.count("\n")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n"], ids=["nothing", "another-protocol"])
def test_something_else_on_the_port_is_no_gateway(cap: Cap, said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=once)
        thread.start()
        result = cap("health", "--port", str(server.getsockname()[1]))
        thread.join()

    assert 1 == result.returncode
    assert "what is there speaks no HTTP" in result.stderr


def test_it_imports_nothing_heavy(tmp_path: Path) -> None:
    """It runs every few seconds; what serves, compiles or reads documents would cost more than it asks for."""
    code = "import sys; from cap_core.cli import main; main(['health', '--port', '1']); print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment({}), capture_output=True, text=True, timeout=60)

    heavy = ("yaml", "litestar", "aiohttp", "httpx", "structlog", "asyncio", "uvicorn", "ssl")
    assert not {*heavy} & {*done.stdout.split()}
