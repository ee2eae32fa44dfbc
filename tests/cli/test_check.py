"""`cap check`: its formats and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cap_core.cli.progress import MANY

Cap = Callable[..., subprocess.CompletedProcess[str]]

SURPRISING = "- {name: get-thing, description: Get it., call: api.get-thing}\n- {name: lost, call: api.no-such}"
BROKEN = "naftiko: 1.0.0-alpha2\ncapability: [\n"


@pytest.fixture
def surprising(things: Callable[..., Path], get_thing: str) -> Path:
    """A document with a warning in it: one of its two tools calls nothing."""
    return things(get_thing, tools=SURPRISING, name="surprising.yaml")


@pytest.fixture
def broken(document: Callable[..., Path]) -> Path:
    return document(BROKEN, "broken.yaml")


def test_a_good_document_is_0_and_counted(cap: Cap, thing: Path) -> None:
    result = cap("check", thing.name)

    assert result.returncode == 0
    assert result.stdout.splitlines()[-1].startswith("1 document: 0 errors, 0 warnings")


def test_a_warning_fails_only_where_it_is_asked_to(cap: Cap, surprising: Path) -> None:
    result = cap("check", surprising.name)

    assert result.returncode == 0
    assert any(
        line.startswith("surprising.yaml:") and "warning[dangling-call]" in line for line in result.stdout.splitlines()
    )
    assert cap("check", surprising.name, "--strict").returncode == 1


def test_one_bad_document_among_many_is_refused_alone(cap: Cap, thing: Path, broken: Path) -> None:
    result = cap("check", ".")

    assert result.returncode == 1
    assert "broken.yaml:3:1: error[not-yaml]:" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 documents: 1 error, 0 warnings")
    assert result.stderr == ""


FAILING = """
from cap_core import *
from cap_core.document.model import ExposesEntry
from cap_core.plan.exposed import ExposedOperation

def declared(entry, at):
    return [ExposedOperation(name="odd", kind="tool", at=entry.at, call=3, call_at=entry.at)]

@hookimpl
def cap_exposures():
    return [Exposure(key="odd", options=ExposesEntry, declared=declared, attach=print, default_port=1)]
"""


def test_a_document_that_nobody_can_compile_hides_no_other(
    cap: Cap, surprising: Path, thing: Path, tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "odd.yaml").write_text(thing.read_text().replace("type: mcp", "type: odd"))

    result = cap("check", ".", "--plugin", "failing.py")
    debugging = cap("check", ".", "--plugin", "failing.py", "--log-level", "debug")

    assert 1 == result.returncode
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("odd.yaml:")]
    assert line.startswith("odd.yaml:1:1: error[unreadable]: the document cannot be compiled;")
    assert "warning[dangling-call]" in result.stdout
    assert "Error: " not in result.stdout + result.stderr
    assert "Error: " in debugging.stderr


def test_a_vast_pattern_costs_itself_alone(cap: Cap, things: Callable[..., Path], get_thing: str) -> None:
    deep = "(" * 450 + "a" + ")" * 450
    patterns = [deep, deep * 10, "((a{1000}){1000}){10}", "(((a{1000}){1000}){1000}){1000}", "a{100000000}", "a("]
    inputs = "\n".join(f"    - {{name: q{n}, in: query, pattern: '{one}'}}" for n, one in enumerate(patterns))
    tools = "- {name: get-thing, description: Get it., call: api.get-thing}"
    fine = "    - {name: fine, in: query, pattern: '^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$'}"
    document = things(f"{get_thing}{inputs}\n{fine}", tools=tools)

    result = cap("check", document.name)

    said = [line for line in result.stdout.splitlines() if "bad-pattern" in line]
    assert 0 == result.returncode
    assert len(patterns) == len(said)
    assert max(map(len, said)) < 700
    assert "nested more than 50 deep" in said[0]
    assert "written out" in said[2]


def test_the_line_of_the_document_stands_below_with_a_caret(cap: Cap, surprising: Path) -> None:
    lines = cap("check", surprising.name, "--level", "warning").stdout.splitlines()

    (at,) = [n for n, line in enumerate(lines) if "warning[dangling-call]" in line]
    number, column = map(int, lines[at].split(":")[1:3])
    text = surprising.read_text().splitlines()[number - 1]
    assert lines[at + 1].endswith(f"{number} | {text}")
    assert lines[at + 1][lines[at + 2].index("^") :].startswith("api.no-such")
    assert column == text.index("api.no-such") + 1


@pytest.mark.parametrize(
    ("level", "severities"),
    [("info", {"info", "warning", "error"}), ("warning", {"warning", "error"}), ("error", {"error"})],
)
@pytest.mark.parametrize("format_", ["text", "json", "github", "sarif"])
def test_a_level_hides_what_is_less(
    cap: Cap, surprising: Path, broken: Path, level: str, severities: set[str], format_: str
) -> None:
    shown = cap("check", ".", "--level", level, "--format", format_)

    codes = {"info": "inferred-input", "warning": "dangling-call", "error": "not-yaml"}
    assert severities == {severity for severity, code in codes.items() if code in shown.stdout}
    assert 1 == shown.returncode


def test_quiet_says_it_by_the_exit_code_alone(cap: Cap, surprising: Path, broken: Path) -> None:
    assert (0, "", "") == _outcome(cap("check", surprising.name, "--quiet"))
    assert (1, "", "") == _outcome(cap("check", surprising.name, "--quiet", "--strict"))
    assert (1, "", "") == _outcome(cap("check", broken.name, "--quiet"))


def _outcome(result: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return result.returncode, result.stdout, result.stderr


CAUSES = [
    ("authentication: {type: bearer}\nresources:", "bad-auth"),
    ("authentication: {type: hmac}\nresources:", "unknown-auth"),
    ("inputParameters: x\nresources:", "wrong-type"),
]


@pytest.mark.parametrize(("new", "code"), CAUSES)
@pytest.mark.parametrize("format_", ["text", "json"])
def test_one_cause_is_one_line_with_a_count(
    cap: Cap, things: Callable[..., Path], get_thing: str, new: str, code: str, format_: str
) -> None:
    tools = "\n".join(f"- {{name: get-{n}, description: Get it., call: api.get-thing}}" for n in range(7))
    document = things(get_thing.replace("resources:", new), tools=tools)
    shown = cap("check", document.name, "--format", format_).stdout

    assert 1 == shown.count(f"[{code}]" if format_ == "text" else f'"{code}"')
    assert "7 exposed operations left out (lines " in shown


SECRETS = [
    "authentication: {type: bearer, token: s3cr3t-value}",
    "authentication: {type: apikey, key: K, value: s3cr3t-value, placemnt: x}",
]


@pytest.mark.parametrize("block", SECRETS)
def test_a_credential_in_a_document_is_not_shown(
    cap: Cap, things: Callable[..., Path], get_thing: str, block: str
) -> None:
    document = things(get_thing.replace("resources:", f"{block}\nresources:"), tools="- {name: a, call: api.get-thing}")
    for format_ in ("text", "json", "github", "sarif"):
        result = cap("check", document.name, "--format", format_)
        assert "auth" in result.stdout or "credential" in result.stdout
        assert "s3cr3t" not in result.stdout + result.stderr


def test_json_is_one_array(cap: Cap, surprising: Path) -> None:
    result = cap("check", surprising.name, "--format", "json")

    found = next(one for one in json.loads(result.stdout) if one["code"] == "dangling-call")
    assert list(found) == ["file", "line", "column", "severity", "code", "message", "hint", "operation"]
    assert (found["file"], found["severity"], found["operation"]) == ("surprising.yaml", "warning", "lost")
    assert found["line"] > 1


def test_github_annotates_lines(cap: Cap, surprising: Path) -> None:
    lines = cap("check", surprising.name, "--format", "github").stdout.splitlines()

    (line,) = [line for line in lines if ",title=dangling-call::" in line]
    assert line.startswith("::warning file=surprising.yaml,line=")
    assert "::nothing consumed here is called 'api.no-such'" in line


def test_sarif_has_rules_and_places(cap: Cap, surprising: Path, broken: Path) -> None:
    (run,) = json.loads(cap("check", ".", "--format", "sarif").stdout)["runs"]

    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = {result["ruleId"]: result for result in run["results"]}
    assert results["not-yaml"]["level"] == "error"
    assert results["dangling-call"]["ruleIndex"] == rules.index("dangling-call")
    place = results["not-yaml"]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "broken.yaml"}, "region": {"startLine": 3, "startColumn": 1}}


def test_a_namespace_on_the_command_line_that_nothing_consumes_is_a_mistake(cap: Cap, thing: Path) -> None:
    result = cap("check", thing.name, "--base-uri", "aip=http://127.0.0.1:9")

    assert result.returncode == 2
    assert result.stderr == "--base-uri aip: no such namespace is consumed; did you mean 'api'?\n"
    assert cap("check", thing.name, CAP_BASE_URI="aip=http://127.0.0.1:9").returncode == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [(None, "prod.env: No such file or directory; correct --env-file"), ("=x", "prod.env:1:1: not a NAME=value line")],
    ids=["missing", "malformed"],
)
def test_a_bad_dotenv_file_stops(cap: Cap, thing: Path, tmp_path: Path, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / "prod.env").write_text(text)
        (tmp_path / "prod.env").chmod(0o600)
    result = cap("check", thing.name, "--env-file", "prod.env")

    assert result.returncode != 0
    assert result.stderr.startswith(complaint)


def test_documents_of_one_name_in_several_folders_are_checked(cap: Cap, thing: Path, tmp_path: Path) -> None:
    """Two of one name cannot be served together, but there is no reason not to look at them."""
    text = thing.read_text()
    for folder in ("one", "two"):
        (tmp_path / "many" / folder).mkdir(parents=True)
        (tmp_path / "many" / folder / "things.yaml").write_text(text)

    result = cap("check", "many")

    assert result.returncode == 0
    assert result.stdout.splitlines()[-1].startswith("2 documents: 0 errors")
    assert "would both be called 'things'" in cap("serve", "many").stderr


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_it_wants_none(
    terminal: Callable[..., str], surprising: Path, no_color: str, colored: bool
) -> None:
    shown = terminal("check", surprising.name, NO_COLOR=no_color)

    assert "[dangling-call]" in shown
    assert colored == ("\x1b[33m" in shown)


def test_many_documents_show_how_far_it_is_on_a_terminal(
    cap: Cap, terminal: Callable[..., str], thing: Path, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for n in range(120):
        (tmp_path / "many" / f"things-[bold]{n:03}.yaml").write_text(thing.read_text())

    shown = terminal("check", "many", out=tmp_path / "out.txt")

    come = [int(number) for number in re.findall(r"(\d+)/120", shown)]
    assert come == sorted(come)
    assert 0 < come[-1] <= 120
    assert "things-[bold]119" in shown  # a name, however it is spelled
    assert (tmp_path / "out.txt").read_text().splitlines()[-1].startswith("120 documents: 0 errors")
    assert "" == cap("check", "many").stderr  # no terminal, no bar


def test_few_documents_are_over_before_a_bar_could_be_read(
    terminal: Callable[..., str], thing: Path, tmp_path: Path
) -> None:
    (tmp_path / "few").mkdir()
    for n in range(MANY - 1):
        (tmp_path / "few" / f"things-{n}.yaml").write_text(thing.read_text())

    assert "" == terminal("check", "few", out=tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text().splitlines()[-1].startswith(f"{MANY - 1} documents: 0 errors")
