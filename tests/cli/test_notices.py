"""What is said about variables and files that are accepted, and perhaps not what was meant."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cap = Callable[..., subprocess.CompletedProcess[str]]
Serving = Callable[..., Any]


def test_a_misspelt_variable_is_told_with_the_one_that_was_meant(cap: Cap, thing: Path) -> None:
    result = cap("check", thing.name, CAP_PROT="3", CAP_LOG_LEVLE="debug")

    assert 0 == result.returncode
    assert {
        "the variable CAP_PROT is no setting; did you mean 'CAP_PORT'?",
        "the variable CAP_LOG_LEVLE is no setting; did you mean 'CAP_LOG_LEVEL'?",
    } == {*result.stderr.splitlines()}


def test_a_variable_like_no_setting_is_told_where_settings_are_shown_and_served(
    cap: Cap, serving: Serving, thing: Path
) -> None:
    line = "the variable CAP_XYZZY is no setting, and nothing here reads it"
    assert "" == cap("check", thing.name, CAP_XYZZY="1").stderr
    assert cap("config", CAP_XYZZY="1").stderr.startswith(line)
    with serving(thing.name, "--port", "0", CAP_XYZZY="1") as server:
        assert "warning" == json.loads(server.wait_for(line))["level"]


def test_a_variable_that_a_document_or_a_flag_reads_is_no_stranger(serving: Serving, thing: Path) -> None:
    text = thing.read_text().replace("keys: {THINGS_KEY: THINGS_KEY}", "keys: {THINGS_KEY: CAP_XYZZY}")
    thing.write_text(text)
    flags = ("--caller-auth", "bearer:CAP_QWERTZ")
    with serving(thing.name, "--port", "0", *flags, CAP_XYZZY="value-one", CAP_QWERTZ="value-two") as server:
        assert not any("is no setting" in line for line in server.lines)


def test_the_variables_of_a_kubernetes_service_are_none_of_ours(cap: Cap, thing: Path) -> None:
    service = {
        "CAP_PORT": "tcp://10.0.0.1:8080",
        "CAP_SERVICE_HOST": "10.0.0.1",
        "CAP_SERVICE_PORT": "8080",
        "CAP_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "CAP_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert ("", 0) == ((result := cap("config", **service)).stderr, result.returncode)
    assert ["port", "-", "default"] in [line.split() for line in result.stdout.splitlines()]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_dotenv_file_that_everybody_can_read_is_told(
    cap: Cap, serving: Serving, thing: Path, tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "keys.env"
    path.write_text("THINGS_KEY=abc\n")
    path.chmod(mode)
    result = cap("check", thing.name, "--env-file", path.name)

    line = "keys.env can be read by every user of this machine, and may hold secrets; chmod 600 keys.env\n"
    assert (0, line if mode & 0o004 else "") == (result.returncode, result.stderr)


def test_a_log_has_the_notices_too(serving: Serving, thing: Path, tmp_path: Path) -> None:
    (tmp_path / "keys.env").write_text("THINGS_KEY=abc\n")
    (tmp_path / "keys.env").chmod(0o644)
    with serving(thing.name, "--port", "0", "--env-file", "keys.env", CAP_PROT="1") as server:
        said = [json.loads(line) for line in server.lines]

    warned = [line["event"] for line in said if line["level"] == "warning"]
    assert any("keys.env can be read by every user" in event for event in warned)
    assert any("did you mean 'CAP_PORT'?" in event for event in warned)
