"""What every command has in common: help, errors of one line, exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cap_core.cli import COMMANDS, cap
from cap_core.settings.rows import rows

Cap = Callable[..., subprocess.CompletedProcess[str]]


def shown(*arguments: str) -> Result:
    return CliRunner().invoke(cap, arguments, env={"COLUMNS": "120"})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_examples(command: str) -> None:
    text = shown(command, "--help").output

    assert f"Usage: cap {command}" in text
    assert f"Examples:\n  cap {command}" in text.replace("CAP_DRAIN=5 ", "")


def test_the_help_of_serve_lists_every_setting_in_its_group() -> None:
    text = shown("serve", "--help").output

    for row in rows():
        assert f"  {row.flag}" in text
        assert f"\n{row.about.group}:\n" in text


def test_the_other_commands_have_the_settings_that_matter_to_documents() -> None:
    text = shown("check", "--help").output

    for row in rows():
        assert (f"  {row.flag} " in text) == row.about.everywhere


def test_the_help_lists_every_command_and_no_other() -> None:
    text = shown("--help").output

    commands, _, examples = text.partition("Commands:\n")[2].partition("\nExamples:\n")
    assert [line.split()[0] for line in commands.splitlines()] == list(COMMANDS)
    assert "cap serve" in examples


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_help_fits_80_columns_and_shows_how_it_is_typed(terminal: Callable[..., str], name: str) -> None:
    text = terminal(*filter(None, [name]), "--help", columns=80)

    assert [] == [line for line in text.splitlines() if len(line) > 80]
    examples = text.partition("\nExamples:\n")[2]
    assert f"  cap {name}".rstrip() in examples


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["srve"], "No such command 'srve'; did you mean 'serve'?"),
        (["connect", "x", "--y"], "No such command 'connect'; see 'cap --help'"),
        (["serve", "--prot", "1"], "No such option '--prot'; did you mean '--port'?"),
        (["check", "--port", "1"], "No such option '--port'; it is a flag of 'cap serve'"),
        (["check", "--nonsense"], "No such option '--nonsense'; see 'cap check --help'"),
        (["call", "x.yaml"], "Missing argument 'OPERATION'; see 'cap call --help'"),
        (["check", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of"),
        (["check", "nowhere.yaml"], "'nowhere.yaml' is no file, no directory and no installed capability"),
        (["config", "--port", "x"], "--port must be a port, 0 to 65535, not 'x'"),
        (["serve", "--stdio"], "No such option '--stdio'; "),
        (["serve", "--workers", "2"], "No such option '--workers'; see 'cap serve --help'"),
        (["config", "--config", "no.toml"], "no.toml: no such file or directory"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(cap: Cap, arguments: list[str], complaint: str) -> None:
    result = cap(*arguments)

    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith(complaint)
    assert result.stderr.count("\n") == 1


def test_a_wrong_key_of_the_file_has_a_place(cap: Cap, tmp_path: Path) -> None:
    (tmp_path / "cap.toml").write_text("drain = 3\nprot = 1\n")

    assert cap("check").stderr == "cap.toml:2:1: 'prot' is no setting; did you mean 'port'?\n"


def test_an_unforeseen_error_is_one_line_unless_more_is_asked_for(cap: Cap, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import pathlib\n"
        "from cap_core import CapabilitySource, hookimpl\n"
        "class Odd(str):\n"
        "    def __len__(self): raise AttributeError('odd')\n"
        "@hookimpl\n"
        "def cap_capabilities():\n"
        "    return [CapabilitySource(Odd('odd'), pathlib.Path(__file__))]\n"
    )
    short = cap("list", "--plugin", "odd.py")
    long = cap("list", "--plugin", "odd.py", "--log-level", "debug")

    assert short.returncode == long.returncode == 1
    assert short.stderr.startswith("internal error: AttributeError: ")
    assert short.stderr.count("\n") == 1
    assert "Traceback" in long.stderr


def test_the_version_names_ours_pythons_and_the_plugins(cap: Cap) -> None:
    lines = cap("--version").stdout.splitlines()

    assert lines[0].startswith("cap 2")
    assert lines[1] == f"CPython {sys.version.split()[0]}"
    assert lines[2].startswith("cap-core ")
    assert "expose-rest" in lines[2]


def test_without_a_command_there_is_help_and_2(cap: Cap) -> None:
    result = cap()

    assert (result.returncode, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_who_stops_reading_hears_no_complaint(thing: Path) -> None:
    result = subprocess.run(
        f'"{sys.executable}" -m cap_core serve --help | head -1; exit "${{PIPESTATUS[0]}}"',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stderr == ""
    assert result.returncode == 0


def test_checking_needs_neither_the_client_nor_the_server(thing: Path) -> None:
    program = (
        "import sys; from cap_core.cli import main; main(['check', sys.argv[1]]); "
        "print(sorted({'aiohttp', 'httpx', 'litestar', 'uvicorn'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program, str(thing)], capture_output=True, text=True, check=True)

    assert result.stdout.splitlines()[-1] == "[]"
