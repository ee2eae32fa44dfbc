"""`cap call`, and how its arguments are read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cap_core.cli.arguments import read_arguments
from cap_core.errors import ConfigError, Mark, Refusal
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import Input, Inputs
from cap_core.runtime.input_checks import plain_value
from cap_core.testing import Answered, Recorded, Upstream, upstream

Cap = Callable[..., subprocess.CompletedProcess[str]]


def answer(request: Recorded) -> Answered:
    if request.target.endswith(b"/broken"):
        return Answered(status=404, body=b'{"error": "no\n such thing"}')
    if request.target.endswith(b"/text"):
        return Answered(headers=((b"content-type", b"text/plain"),), body=[b"one ", b"two"])
    if request.target.endswith(b"/short"):
        return Answered(body=[b"one ", b"two"], cut=1)
    return Answered(body=b'{"id": 1}')


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture
def call(cap: Cap, thing: Path, api: Upstream) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call an operation of the smallest document."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return cap("call", thing.name, *arguments, "--base-uri", f"api={api.url}", **more)

    return run


@pytest.mark.parametrize("operation", ["get-thing", "GET /things/{id}", "get /things/{id}"])
def test_the_answer_goes_to_stdout(call: Cap, api: Upstream, operation: str) -> None:
    result = call(operation, "id=7")

    assert (result.returncode, result.stdout, result.stderr) == (0, '{"id": 1}', "")
    assert api.requests[0].target == b"/things/7"


def test_a_stream_goes_to_stdout_as_it_comes(call: Cap) -> None:
    assert call("get-thing", "id=text").stdout == "one two"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["get-thing", "id=broken"], 'api.get-thing answered 404 Not Found: {"error": "no such thing"}'),
        (["get-thing", "id=short"], "the answer of api.get-thing was cut short"),
        (["get-thing"], "argument id is required and missing"),
        (["get-thing", "id=1", "x=2"], "argument 'x' is not known; known are: id"),
    ],
)
def test_what_fails_is_1_and_one_line(call: Cap, arguments: list[str], complaint: str) -> None:
    result = call(*arguments)

    assert result.returncode == 1
    assert result.stderr.startswith(complaint)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["get-things"], "things has no operation 'get-things'; did you mean"),
        (["get-thing", "id"], "'id' is no input; write NAME=TEXT or NAME:=JSON"),
        (["get-thing", "id:={"], "id:= is not followed by JSON"),
        (["get-thing", "id=@none.txt"], "none.txt: No such file or directory"),
    ],
)
def test_a_wrong_command_line_is_2(call: Cap, arguments: list[str], complaint: str) -> None:
    result = call(*arguments)

    assert result.returncode == 2
    assert result.stderr.startswith(complaint)


def test_an_upstream_that_is_not_there_is_told(cap: Cap, thing: Path) -> None:
    result = cap("call", thing.name, "get-thing", "id=1", "--base-uri", "api=http://127.0.0.1:1")

    assert result.returncode == 1
    assert "cannot be reached" in result.stderr


def test_a_directory_is_no_single_document(cap: Cap, thing: Path, document: Callable[..., Path]) -> None:
    document(thing.read_text(), "other.yaml")

    assert cap("call", ".", "get-thing").stderr == "'.' holds several documents: other, things; name one of them\n"


def test_a_refused_document_says_where(cap: Cap, document: Callable[..., Path]) -> None:
    document("naftiko: 1.0.0-alpha2\n", "empty.yaml")
    result = cap("call", "empty.yaml", "get-thing")

    assert result.returncode == 1
    assert result.stderr.startswith("empty.yaml:1:1: error[missing-key]:")


LEFT_OUT = """\
- path: /things/{id}
  operations:
  - {method: GET, name: get-thing, call: api.get-thing, mappings: [{targetName: a, value: $.one}]}
"""


@pytest.fixture
def half(things: Callable[..., Path], get_thing: str) -> Path:
    """A document whose route is left out, and whose tool of the same name and address is served."""
    return things(get_thing, LEFT_OUT, "- {name: get-thing, description: Get it., call: api.get-thing}")


@pytest.mark.parametrize("operation", ["get-thing", "api.get-thing"])
def test_what_is_served_goes_before_what_is_left_out(cap: Cap, half: Path, api: Upstream, operation: str) -> None:
    result = cap("call", half.name, operation, "id=7", "--base-uri", f"api={api.url}")

    assert (result.returncode, result.stdout) == (0, '{"id": 1}'), result.stderr
    assert [b"/things/7"] == [request.target for request in api.requests]


def test_what_is_left_out_is_not_called(cap: Cap, half: Path, api: Upstream) -> None:
    result = cap("call", half.name, "GET /things/{id}", "id=7", "--base-uri", f"api={api.url}")
    line = next(n for n, text in enumerate(half.read_text().splitlines(), 1) if "mappings:" in text)

    assert result.returncode == 2
    assert result.stderr.startswith(f"things.yaml:{line}:")
    assert "'GET /things/{id}' cannot be served:" in result.stderr
    assert "mappings of what steps gave are not applied yet" in result.stderr
    assert [] == api.requests


# --- arguments --------------------------------------------------------------------------------------------------------


def _inputs() -> Inputs:
    kinds = {
        "text": "string",
        "count": "integer",
        "ratio": "number",
        "on": "boolean",
        "tags": "array",
        "about": "object",
    }
    at = Mark("things.yaml", 1, 1)
    items = [
        Input(name=name, place="argument", wire=name, of=InputType(type=kind), required=False, at=at)
        for name, kind in kinds.items()
    ]
    items.append(Input(name="any", place="argument", wire="any", of=InputType(), required=False, at=at))
    items.append(
        Input(
            name="odd name",
            place="argument",
            wire="odd name",
            of=InputType(type="string"),
            required=False,
            alias="odd_name",
            at=at,
        )
    )
    return Inputs(tuple(items))


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        (["text=7"], {"text": "7"}),
        (["text="], {"text": ""}),
        (["text=a=b"], {"text": "a=b"}),
        (["count=7"], {"count": 7}),
        (["ratio=1.5e3"], {"ratio": 1500.0}),
        (["on=true"], {"on": True}),
        (["tags=a"], {"tags": ["a"]}),
        (["tags=a", "tags=b"], {"tags": ["a", "b"]}),
        (['tags=["a"]'], {"tags": ["a"]}),
        (['about={"a": 1}'], {"about": {"a": 1}}),
        (["any=7"], {"any": "7"}),
        (["any:=7"], {"any": 7}),
        (['text:="7"'], {"text": "7"}),
        (["count:=null"], {}),
        (["odd name=x"], {"odd name": "x"}),
        (["odd_name=x"], {"odd name": "x"}),
    ],
)
def test_texts_take_the_type_of_their_input(arguments: list[str], values: dict[str, Any]) -> None:
    read = read_arguments(arguments, _inputs())
    # A number with a fraction or an exponent keeps its digits.
    assert {name: plain_value(value) for name, value in read.items()} == values


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["count=x"], "argument count must be an integer, not the string 'x'"),
        (["count=007"], "argument count must be an integer, not the string '007'"),
        (["on=yes"], "argument on must be true or false, not the string 'yes'"),
        (["about=x"], "argument about must be an object, not the string 'x'"),
        (
            ["count=x", "other=1"],
            "argument count must be an integer, not the string 'x'; argument 'other' is not known",
        ),
    ],
)
def test_texts_of_another_type_are_refused(arguments: list[str], complaint: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_arguments(arguments, _inputs())

    assert refused.value.detail.startswith(complaint)


def test_a_scalar_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="text is given twice"):
        read_arguments(["text=a", "text=b"], _inputs())


def test_files_hold_texts_and_json(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one\ntwo\n")
    (tmp_path / "about.json").write_text(json.dumps({"a": [1]}))
    arguments = [f"text=@{tmp_path}/text.txt", f"about:=@{tmp_path}/about.json"]

    assert read_arguments(arguments, _inputs()) == {"text": "one\ntwo\n", "about": {"a": [1]}}


def test_standard_input_may_be_the_file(call: Cap, api: Upstream) -> None:
    call("get-thing", "id=@-", stdin="from-stdin")

    assert api.requests[0].target == b"/things/from-stdin"


def test_the_sandbox_answers_without_key_or_network_and_its_file_remembers(cap, seed, tmp_path):
    """`--sandbox-file` implies `--sandbox`; a second process finds what the first one made."""
    state = str(tmp_path / "state.db")
    made = cap("call", str(seed("portkey-batch")), "POST /v1/batches", 'body:={"a":1}', "--sandbox-file", state)
    listed = cap("call", str(seed("portkey-batch")), "GET /v1/batches", "--sandbox-file", state)

    assert (0, 0) == (made.returncode, listed.returncode), made.stderr + listed.stderr
    assert json.loads(made.stdout)["id"] == json.loads(listed.stdout)["data"][0]["id"]
