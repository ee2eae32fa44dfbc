"""Load with wrk: one thread, connections kept alive, each asking again as soon as it has its answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.processes import Failure
from benchmarks.samples import Asked

CONNECTIONS: Final = 32

_SCRIPT = """\
wrk.method = {method}
wrk.body = {body}
{headers}
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nRESULT {{"requests":%d,"bytes":%d,"us":%d,"p50":%d,"p99":%d,"failed":%d,"refused":%d}}\\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.timeout, e.status))
end
"""


class Result(msgspec.Struct, frozen=True):
    """What wrk saw; times in µs. `refused` are answers above 399, `failed` are connections and timeouts."""

    requests: int
    bytes: int
    us: int
    p50: int
    p99: int
    failed: int
    refused: int


def version() -> str | None:
    """Which wrk is installed, or None."""
    if shutil.which("wrk") is None:
        return None
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    return next((word for word in said if word[0].isdigit() or word.startswith("debian")), "?")


def load(port: int, asked: Asked, size: int, seconds: int, script: Path) -> Result:
    """Send `asked` for some seconds, with its Lua written to `script`.

    Raises `Failure` for any answer that is not 200 with `size` bytes.
    """
    script.write_text(_lua(asked))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    url = f"http://127.0.0.1:{port}{asked.target}"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode or line is None:
        raise Failure(f"wrk ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    result = msgspec.json.decode(line.removeprefix("RESULT "), type=Result)
    _check(result, asked, size)
    return result


def _check(result: Result, asked: Asked, size: int) -> None:
    if result.refused or result.failed or not result.requests:
        what = f"{result.refused} refusals and {result.failed} failures in {result.requests} requests"
        raise Failure(f"{asked.method} {asked.target} under load: {what}")
    # wrk counts no other 2xx apart, and no error inside a 200; but each answer has the size of the first.
    least = result.requests * size
    if not least <= result.bytes <= least + CONNECTIONS * size:
        what = f"{result.bytes} bytes in {result.requests} answers of {size}"
        raise Failure(f"{asked.method} {asked.target} under load: answers differ: {what}")


def _lua(asked: Asked) -> str:
    headers: Mapping[str, str] = asked.headers
    lines = "\n".join(f"wrk.headers[ {_text(name)} ] = {_text(value)}" for name, value in headers.items())
    return _SCRIPT.format(
        method=_text(asked.method), body=_text(asked.body.decode()) if asked.body else "nil", headers=lines
    )


def _text(value: str) -> str:
    """A Lua string."""
    return f"[==[{value}]==]"
