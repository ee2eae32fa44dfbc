"""`cap health`: whether the gateway on this machine is live or ready, for probes.

A probe runs every few seconds, so nothing is imported here that takes long.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import click

from cap_core.cli.command import Command
from cap_core.errors import ConfigError, StartError

SECONDS = 5.0
"""Within which an answer has to come."""

_LONGEST = 4096
"""Bytes in which a status line ends."""


@click.command(
    "health",
    cls=Command,
    examples="""
cap health --port 8080
cap health --ready --port 8080
CAP_PORT=8080 cap health --ready
""",
)
@click.option("--ready", is_flag=True, help="Ask whether it takes requests, not only whether it is there.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="P", help="The port, as 'cap serve' has it.")
def command(ready: bool, port: int | None) -> int:
    """Exit with 0 if the gateway on this machine is live, or with --ready ready; else with 1.

    The address is that of the flags, variables and cap.toml of 'cap serve': host, port, and whether it is https.
    """
    host, port, tls = _address(port)
    name = "ready" if ready else "live"
    try:
        status = _ask(host, port, f"/health/{name}", tls=tls)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StartError(f"no gateway answers at {host}:{port}: {reason}") from None
    if status != 200:
        raise StartError(f"the gateway at {host}:{port} is not {name}: it answers {status}")
    click.echo(name)
    return 0


def _address(port: int | None) -> tuple[str, int, bool]:
    """Host and port of a listener, and whether it serves https."""
    host, tls = "127.0.0.1", False
    if Path("cap.toml").is_file() or any(name.startswith("CAP_") for name in os.environ):
        from cap_core.settings.resolve import resolve

        settings = resolve({}, os.environ)
        host, port, tls = settings.host, port or settings.port, settings.tls_cert is not None
    if not port:
        raise ConfigError("no port is known", hint="name that of 'cap serve' with --port")
    # Who listens everywhere is asked at home.
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, tls  # noqa: S104


def _ask(host: str, port: int, path: str, *, tls: bool) -> int:
    """The status with which a path answers. Raises OSError, and ValueError for what is no HTTP."""
    with socket.create_connection((host, port), SECONDS) as connection:
        if tls:
            connection = _encrypted(connection)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n" not in head and len(head) < _LONGEST and (part := connection.recv(_LONGEST)):
            head += part
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/"):
        raise ValueError("what is there speaks no HTTP")
    return int(rest[:3])


def _encrypted(connection: socket.socket) -> socket.socket:
    import ssl

    # Nothing secret is asked or told, and the certificate is for the name that callers use.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)
