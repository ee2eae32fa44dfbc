"""A real browser that a test can use as a person does: Chromium without a window, driven by its DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from waiting import until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


def chromium() -> str:
    """The browser; skips where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        assert not os.environ.get("CAP_REQUIRE_CHROMIUM"), "CAP_REQUIRE_CHROMIUM is set, and there is no chromium"
        pytest.skip("there is no chromium on this machine")
    return found


class Browser:
    """One tab."""

    def __init__(self, runner: asyncio.Runner, tab: aiohttp.ClientWebSocketResponse) -> None:
        self._runner = runner
        self._tab = tab
        self._numbers = itertools.count(1)

    def open(self, url: str) -> None:
        """Go to an address, and wait until it is there."""
        self._say("Page.navigate", url=url)
        until(lambda: self.run(f"location.href.startsWith({url!r}) && document.readyState === 'complete'"))

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it becomes."""
        done = self._say("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def sees(self, text: str) -> None:
        """Wait until the page shows a text."""
        until(lambda: text in self.text)

    @property
    def text(self) -> str:
        """What the page shows."""
        shown: str = self.run("document.body.innerText")
        return shown

    def type(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.run(f"document.querySelector({selector!r}).focus()")
        self._say("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Press a button, or open what opens."""
        self.run(f"document.querySelector({selector!r}).click()")

    def choose(self, selector: str, file: Path) -> None:
        """Pick a file."""
        root = self._say("DOM.getDocument")["root"]["nodeId"]
        node = self._say("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self._say("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def width(self, pixels: int) -> None:
        """Be a window as wide as this."""
        self._say("Emulation.setDeviceMetricsOverride", width=pixels, height=800, deviceScaleFactor=1, mobile=True)

    def _say(self, method: str, **params: object) -> dict[str, Any]:
        return self._runner.run(self._answered(method, params))

    async def _answered(self, method: str, params: dict[str, object]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._tab.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._tab.receive_json(timeout=20)
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                answer: dict[str, Any] = message["result"]
                return answer


@pytest.fixture
def drawn(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Open a page once: what its scripts drew is in `stdout`, what they complained of in `stderr`."""
    words = [chromium(), *FLAGS, f"--user-data-dir={tmp_path / 'drawn'}", "--virtual-time-budget=5000"]

    def draw(url: str) -> subprocess.CompletedProcess[str]:
        words_here = [*words, "--enable-logging=stderr", "--dump-dom", url]
        return subprocess.run(words_here, capture_output=True, text=True, timeout=60, check=True)

    return draw


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser with one tab."""
    profile = tmp_path / "profile"
    words = [chromium(), *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            port = profile / "DevToolsActivePort"
            until(lambda: port.is_file() and port.read_text().count("\n"))
            with asyncio.Runner() as runner:
                session, tab = runner.run(_tab(port.read_text().partition("\n")[0]))
                yield Browser(runner, tab)
                runner.run(tab.close())
                runner.run(session.close())
        finally:
            process.kill()


async def _tab(port: str) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = await answer.json()
    page = next(tab for tab in tabs if tab["type"] == "page")
    return session, await session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0)
