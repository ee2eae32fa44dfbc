"""`cap config`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from cap_core.cli.reference import reference
from cap_core.settings.rows import rows
from cap_core.settings.table import UpstreamSettings

Cap = Callable[..., subprocess.CompletedProcess[str]]

FILE = """\
host = "127.0.0.2"
block = ["x"]

[set]
TOKEN = "s3cret"
[upstreams.api]
idle = 5
proxy = "http://user:s3cret@proxy.example"
"""


def test_every_setting_is_shown_with_where_it_came_from(cap: Cap, tmp_path: Path) -> None:
    (tmp_path / "cap.toml").write_text(FILE)
    result = cap("config", "--port", "1", "--set", "A=s3cret", "--format", "json", CAP_DRAIN="2.5")

    lines = {line["name"]: (line["value"], line["from"]) for line in json.loads(result.stdout)}
    assert lines["port"] == (1, "flag")
    assert lines["drain"] == (2.5, "CAP_DRAIN")
    assert lines["host"] == ("127.0.0.2", "cap.toml:1:1")
    assert lines["block"] == (["x"], "cap.toml:2:1")
    assert lines["set.A"] == ("***", "flag")
    assert lines["set.TOKEN"] == ("***", "cap.toml:5:1")
    assert lines["upstreams.api.idle"] == (5, "cap.toml:7:1")
    assert lines["upstreams.api.proxy"] == ("***", "cap.toml:8:1")
    assert lines["reload"] == (False, "default")
    assert {row.name for row in rows()} - lines.keys() == {"set"}


def test_people_get_columns(cap: Cap, tmp_path: Path) -> None:
    (tmp_path / "cap.toml").write_text(FILE)
    lines = {line.split()[0]: line.split()[1:] for line in cap("config").stdout.splitlines()}

    assert lines["host"] == ["127.0.0.2", "cap.toml:1:1"]
    assert lines["drain"] == ["30", "default"]
    assert lines["port"] == ["-", "default"]
    assert lines["config"] == ["cap.toml", "found"]


def test_the_documentation_comes_from_the_same_table() -> None:
    text = reference()

    assert all(f"| `{row.flag}" in text for row in rows())
    assert all(f"| `{row.name}` |" in text for row in rows(UpstreamSettings))
