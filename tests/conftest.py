"""What most tests need: the published documents, where they are, and documents written on the spot."""

from __future__ import annotations

import fcntl
import gc
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from published import SHARED

pytest_plugins = ["browser", "processes"]


def pytest_configure(config: pytest.Config) -> None:
    """Look for the published documents, and trust nobody by default."""
    # Where they must be there, a test that skips for want of them would be one nobody ran.
    if os.environ.get("CAP_REQUIRE_SHARED") and not (SHARED / "corpus" / "manifest.jsonl").is_file():
        pytest.exit(f"CAP_REQUIRE_SHARED is set, and there are no published documents in {SHARED}", returncode=1)
    # Each TLS context reads all authorities of the machine, for 15 to 50 ms, and so each `httpx.get` and each `cap`.
    # No test talks to a host that one of them vouches for: one authority that signs nothing is enough.
    directory = tempfile.TemporaryDirectory(prefix="cap-tests-")
    config.add_cleanup(directory.cleanup)
    authority = Path(directory.name) / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    os.environ["SSL_CERT_FILE"] = str(authority)


def pytest_collection_finish() -> None:
    """What has been collected stays to the end: no full collection of garbage need walk it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def seed() -> Callable[[str], Path]:
    """A seed document by name; skips where the published documents are absent."""

    def find(name: str) -> Path:
        path = SHARED / "seeds" / f"{name}.yaml"
        if not path.is_file():
            pytest.skip(f"the published documents are not beside the checkout ({path.parent.name}/{path.name})")
        return path

    return find


@pytest.fixture
def terminal(tmp_path: Path) -> Callable[..., str]:
    """Run `cap` on a pseudo terminal and give what it shows there; standard output goes to `out` instead, if given."""

    def run(*words: str, columns: int = 100, out: Path | None = None, **variables: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CAP_")}
        environment = kept | {"TERM": "xterm-256color"} | variables
        environment.pop("COLUMNS", None)
        command = [sys.executable, "-m", "cap_core", *words]
        with out.open("w") if out is not None else os.fdopen(os.dup(theirs), "w") as stdout:
            process = subprocess.Popen(
                command, stdin=theirs, stdout=stdout, stderr=theirs, cwd=tmp_path, env=environment
            )
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # how Linux says that the other side is closed
            pass
        finally:
            os.close(ours)
            assert process.wait(60) in (0, 1)
        return shown.decode().replace("\r\n", "\n")

    return run


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., Path]:
    """Write a document and give its path."""

    def write(text: str, name: str = "things.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


CAPABILITY = """\
naftiko: 1.0.0-alpha2
info: {{label: Things, description: Things for tests.}}
binds:
- namespace: env
  keys: {{THINGS_KEY: THINGS_KEY}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example/base
{consumes}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
{rest}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
{tools}
"""


def _indented(text: str, by: int) -> str:
    lines = text.strip("\n").splitlines()
    return "\n".join(" " * by + line for line in lines)


@pytest.fixture
def things(document: Callable[..., Path]) -> Callable[..., Path]:
    """A document from the parts a test is about: consumes (auth and resources), REST resources, MCP tools."""

    def write(consumes: str, rest: str = "[]", tools: str = "[]", name: str = "things.yaml") -> Path:
        text = CAPABILITY.format(consumes=_indented(consumes, 4), rest=_indented(rest, 4), tools=_indented(tools, 4))
        return document(
            text.replace("resources:\n    []", "resources: []").replace("tools:\n    []", "tools: []"), name
        )

    return write


GET_THING = """\
resources:
- name: thing
  path: /things/{id}
  operations:
  - name: get-thing
    method: GET
    inputParameters:
    - {name: id, in: path, type: string, required: true}
"""

REST_THING = """\
- path: /things/{id}
  name: thing
  operations:
  - {method: GET, name: get-thing, call: api.get-thing}
"""


@pytest.fixture
def thing(things: Callable[..., Path]) -> Path:
    """The smallest document: one thing by its id."""
    return things(GET_THING, REST_THING, "- {name: get-thing, description: Get it., call: api.get-thing}")


@pytest.fixture
def get_thing() -> str:
    """The consumed side of `thing`."""
    return GET_THING
