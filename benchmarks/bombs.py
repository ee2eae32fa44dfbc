"""What the worst answers of 10 MB cost: memory, and how long others wait meanwhile.

`python -m benchmarks.bombs [SHAPE …]` starts `cap serve` before an upstream that sends each shape once, and asks for
something else all the while. Memory is the most that the gateway took beyond what it had before, and all that its
processes took.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from benchmarks.processes import free_port, running
from benchmarks.systems import READY

SIZE = 10_000_000


def _fill(unit: bytes, before: bytes = b"", after: bytes = b"") -> Callable[[], bytes]:
    """A shape: one piece again and again, up to the size of the largest answer."""
    return lambda: before + unit * ((SIZE - len(before) - len(after)) // len(unit)) + after


SHAPES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "csv rows": ("csv", _fill(b"1\n", b"a\n")),
    "csv columns": ("csv", _fill(b",", after=b"\n1\n")),
    "csv cells": ("csv", _fill(b"1,2\n", b"a,b\n")),
    "csv wide rows": ("csv", _fill(b"," * 999 + b"\n", b"a," * 999 + b"a\n")),
    "csv one quote": ("csv", _fill(b'""', b'a\n"', b'"\n')),
    "csv empty lines": ("csv", _fill(b"\n", b"a\n")),
    "tsv cells": ("tsv", _fill(b"1\t2\n", b"a\tb\n")),
    "psv cells": ("psv", _fill(b"1|2\n", b"a|b\n")),
    "xml elements": ("xml", _fill(b"<a/>", b"<r>", b"</r>")),
    "xml attributes": ("xml", lambda: b"<r " + b" ".join(b'a%d=""' % n for n in range(800_000)) + b"/>"),
    "xml objects": ("xml", _fill(b'<a b=""/>', b"<r>", b"</r>")),
    "xml depth": ("xml", _fill(b"<a>")),
    "xml text": ("xml", _fill(b"&lt;", b"<r>", b"</r>")),
    "xml namespaces": ("xml", lambda: b"<r " + b" ".join(b'xmlns:a%d="u"' % n for n in range(500_000)) + b"/>"),
    "html attributes": ("html", _fill(b'<a b="')),
    "html one element": ("html", lambda: b"<p " + b" ".join(b"a%d=b" % n for n in range(900_000)) + b">"),
    "html elements": ("html", _fill(b"<p>")),
    "html cells": ("html", _fill(b"<td>1", b"<table><tr><th>a<tr>")),
    "html rows": ("html", _fill(b"<tr><td>1", b"<table><tr><th>a")),
    "html entities": ("html", _fill(b"&amp;", b"<table><tr><th>a<tr><td>")),
    "html depth": ("html", _fill(b"<div>")),
    "yaml list": ("yaml", _fill(b"- 1\n")),
    "yaml 4 MB of list": ("yaml", lambda: b"- 1\n" * 1_000_000),
    "yaml aliases": ("yaml", lambda: b"a: &a [" + b"1," * 100_000 + b"]\nb: [" + b"*a," * 1000 + b"]\n"),
    "yaml depth": ("yaml", lambda: b"[" * 4_000_000),
    "yaml one text": ("yaml", lambda: b'"' + b"\\n" * 2_000_000 + b'"'),
    "markdown": ("markdown", _fill(b"# a\n")),
    "markdown links": ("markdown", lambda: b"[a](" * 60_000),
    "markdown emphasis": ("markdown", lambda: b"*a_" * 80_000),
    "markdown quotes": ("markdown", lambda: b"> " * 120_000),
    "markdown table": ("markdown", lambda: b"|a|b|\n|-|-|\n" + b"|1|2|\n" * 40_000),
    "json lists": ("json", _fill(b"[],", b"[", b"0]")),
    "json objects": ("json", _fill(b"{},", b"[", b"0]")),
    "json members": ("json", lambda: b"{" + b",".join(b'"%d":1' % n for n in range(800_000)) + b"}"),
    "json small objects": ("json", _fill(b'{"a":1},', b"[", b"0]")),
    "json numbers": ("json", _fill(b"0.1,", b"[", b"0]")),
    "json digits": ("json", _fill(b"1", b"[", b"]")),
    "json depth": ("json", _fill(b"[")),
    "json texts": ("json", _fill(b'"ab",', b"[", b"0]")),
    "json one text": ("json", _fill(b"\\u00e9", b'"', b'"')),
    "text": ("text", _fill(b"\xc3\xa9")),
}
"""By name: the format it is read as, and what makes it."""

DOCUMENT = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: {base}
    resources:
{consumed}
  exposes:
  - type: rest
    namespace: bombs
    port: {port}
    resources:
{exposed}
"""
_CONSUMED = """\
    - path: /{n}
      operations: [{{name: get-{n}, method: GET, outputRawFormat: {format}}}]"""
_EXPOSED = """\
    - path: /{n}
      operations:
      - method: GET
        name: get-{n}
        call: api.get-{n}
        outputParameters: [{{name: all, mapping: $}}]"""


def document(base: str, port: int) -> str:
    """One operation for each shape, at the path of its number."""
    shapes = list(enumerate(format for format, _ in SHAPES.values()))
    return DOCUMENT.format(
        base=base,
        port=port,
        consumed="\n".join(_CONSUMED.format(n=n, format=format) for n, format in shapes),
        exposed="\n".join(_EXPOSED.format(n=n) for n, _ in shapes),
    )


class Cost(msgspec.Struct, frozen=True):
    """What one answer cost: MB of memory, the longest time in ms that another request took, its own s, its status, and
    how many others were answered meanwhile."""

    memory: float
    stall: float
    seconds: float
    status: int
    others: int


@contextlib.contextmanager
def upstream() -> Iterator[str]:
    """A server that sends each shape at the path of its number."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made(self.path)
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@lru_cache(maxsize=1)
def made(path: str) -> bytes:
    """The shape at a path."""
    return list(SHAPES.values())[int(path[1:])][1]()


def cost(pid: int, url: str, path: str) -> Cost:
    """Ask for one shape, and for something else all the while."""
    made(path)  # before others are timed
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
    before = _kilobytes(pid, "VmRSS")
    done = threading.Event()
    answered: list[int] = []
    begun = time.perf_counter()
    asking = threading.Thread(target=lambda: (answered.append(_status(url + path)), done.set()))
    asking.start()
    stall = elsewhere = 0.0
    others = 0
    while not done.is_set():
        asked = time.perf_counter()
        _status(url + "/health/live")
        others += 1
        stall = max(stall, time.perf_counter() - asked)
        elsewhere = max(elsewhere, sum(_kilobytes(child, "VmHWM") for child in _children(pid)))
    asking.join()
    seconds = time.perf_counter() - begun
    memory = (_kilobytes(pid, "VmHWM") - before + elsewhere) / 1024
    return Cost(memory, stall * 1000, seconds, answered[0], others)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            while answer.read(1 << 20):
                pass
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _kilobytes(pid: int, field: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(field + ":")), 0.0)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def main(names: list[str]) -> None:
    """Print a line for each shape."""
    with tempfile.TemporaryDirectory() as directory, upstream() as base:
        port = free_port()
        path = Path(directory) / "bombs.yaml"
        path.write_text(document(base, port))
        command = [sys.executable, "-m", "cap_core", "serve", str(path)]
        with running(command, "cap", port, Path(directory)) as child:
            child.ready(READY)
            print(f"{'shape':20} {'MB':>7} {'stall ms':>9} {'s':>6} status")
            for n, name in enumerate(SHAPES):
                if not names or any(name.startswith(wanted) for wanted in names):
                    one = cost(child.pid, f"http://127.0.0.1:{port}", f"/{n}")
                    print(f"{name:20} {one.memory:7.0f} {one.stall:9.1f} {one.seconds:6.2f} {one.status}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
