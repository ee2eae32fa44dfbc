"""Authentication options that may be absent: what is sent, asked and shown where their variables are not set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.cli import main
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import CapError
from cap_core.explain.explain import Explanation, explain
from cap_core.explain.find_operation import find_call
from cap_core.plan.variables import Given
from cap_core.plugins import loader
from cap_core.runtime.options import OpenOptions
from cap_core.testing import gateway, upstream

PLUGIN = """
import msgspec
from cap_core import *
from cap_core.plugins.messages import Caller

class Options(msgspec.Struct, frozen=True):
    key: str
    left: str | None = None
    right: str | None = None

def headers(options):
    given = {"X-Key": options.key, "X-Left": options.left, "X-Right": options.right}
    return tuple((name.encode(), value.encode()) for name, value in given.items() if value is not None)

def sign(options, at):
    if not at.masked and (options.left is None) == (options.right is None):
        ways = " or ".join(at.variables[name] for name in ("left", "right"))
        raise OptionError("left", "one way is needed", f"set {ways}")
    return Credentials(headers=headers(options))

def check(options, at):
    async def known(request):
        if options.left is not None and request.headers.get(b"x-left") != options.left.encode():
            raise Refusal(401, "unauthorized", "x-left is needed")
        return Caller("sided")
    return known

@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="sided", options=Options, sign=sign, check=check, optional=frozenset({"left", "right"}))]
"""
SIDED = "authentication: {type: sided, key: '{{KEY}}', left: '{{LEFT}}', right: 'r-{{RIGHT}}'}\n"
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "sided.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def sided(things: Callable[..., Path], get_thing: str) -> Path:
    path = things(SIDED + get_thing, REST)
    path.write_text(path.read_text().replace("{THINGS_KEY: THINGS_KEY}", "{KEY: KEY, LEFT: LEFT, RIGHT: RIGHT}"))
    return path


@pytest.mark.parametrize(
    ("values", "sent"),
    [({"LEFT": "l"}, {b"X-Left": b"l"}), ({"RIGHT": "7"}, {b"X-Right": b"r-7"})],
    ids=["left", "right"],
)
def test_an_option_is_absent_while_its_variable_is_not_set(sided: Path, plugin: Path, values, sent) -> None:
    values = {"KEY": "k", **values}
    with upstream() as api, gateway(sided, base_uris={"api": api.url}, values=values, plugin_files=[plugin]) as cap:
        httpx.get(cap.url + "/things/7", headers={"x-left": "the-caller's"})
        shown = {one.variable for one in cap.gateway.destinations}

    assert {b"X-Key": b"k", **sent} == {n: v for n, v in api.requests[0].headers if n.startswith(b"X-")}
    assert set(values) == shown


@pytest.mark.parametrize("values", [{}, {"LEFT": "l"}], ids=["nothing", "an-optional-one"])
def test_the_others_still_have_to_be_set(sided: Path, plugin: Path, values) -> None:
    with gateway(sided, values=values, plugin_files=[plugin]) as cap:
        answer = httpx.get(cap.url + "/things/7")

    assert 503 == answer.status_code
    assert answer.json()["detail"].startswith("KEY is not set;")


@pytest.mark.parametrize("values", [{}, {"LEFT": "l", "RIGHT": "r"}], ids=["none", "both"])
def test_a_scheme_that_wants_another_choice_stops_the_start(sided: Path, plugin: Path, values) -> None:
    with (
        pytest.raises(CapError, match=r"things.yaml:11:\d+: error\[bad-auth\]: one way is needed; set LEFT or RIGHT"),
        gateway(sided, values={"KEY": "k", **values}, plugin_files=[plugin]),
    ):
        pass


@pytest.mark.parametrize(
    ("values", "headers", "status"),
    [
        pytest.param({"KEY": "k"}, {}, 200, id="not-asked-for"),
        pytest.param({"KEY": "k", "LEFT": "l"}, {}, 401, id="missing"),
        pytest.param({"KEY": "k", "LEFT": "l"}, {"x-left": "l"}, 200, id="given"),
        pytest.param({"LEFT": "l"}, {"x-left": "l"}, 401, id="required-one-not-set"),
    ],
)
def test_callers_are_checked_without_the_absent_option(
    things: Callable[..., Path], get_thing: str, plugin: Path, values, headers, status: int
) -> None:
    path = things(get_thing, REST)
    text = path.read_text().replace("{THINGS_KEY: THINGS_KEY}", "{KEY: KEY, LEFT: LEFT}")
    guard = "    authentication: {type: sided, key: '{{KEY}}', left: '{{LEFT}}'}\n    resources:\n    - path"
    path.write_text(text.replace("    resources:\n    - path", guard))
    with upstream() as api, gateway(path, base_uris={"api": api.url}, values=values, plugin_files=[plugin]) as cap:
        assert status == httpx.get(cap.url + "/things/7", headers=headers).status_code


def explained(path: Path, plugin: Path, values: dict[str, str]) -> Explanation:
    registry = loader.load(files=(plugin,))
    options = CompileOptions(values={name: Given(value, "--set") for name, value in values.items()})
    plan = compile_source(DocumentSource("things", "things.yaml", path), registry, options).plan
    assert plan is not None
    call = find_call(plan, "GET /things/{id}")
    return asyncio.run(explain(plan, call, registry, OpenOptions(), {"id": "7"}))


@pytest.mark.parametrize(
    ("values", "shown", "refused"),
    [
        pytest.param({"KEY": "k", "LEFT": "l"}, {"X-Key", "X-Left"}, "served", id="served"),
        pytest.param({"KEY": "k"}, {"X-Key"}, "one way is needed; set LEFT or RIGHT", id="no-way"),
        pytest.param({"KEY": "k", "LEFT": "l", "RIGHT": "r"}, {"X-Key", "X-Left", "X-Right"}, "one way", id="both"),
        pytest.param({"RIGHT": "r"}, {"X-Key", "X-Right"}, "KEY is not set", id="required-one-not-set"),
    ],
)
def test_explain_shows_what_would_be_sent_and_what_would_be_refused(
    sided: Path, plugin: Path, values, shown, refused
) -> None:
    out = explained(sided, plugin, values)

    assert out.request is not None
    assert shown == {name for name, _ in out.request.headers if name.startswith("X-")}
    assert all(value.endswith(("***", "(not set)")) for name, value in out.request.headers if name.startswith("X-"))
    assert ("KEY" not in values) == ("(not set)" in dict(out.request.headers)["X-Key"])
    assert (out.refused or "served").startswith(refused)


def test_check_misses_only_what_has_to_be_set(sided: Path, plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(sided), "--plugin", str(plugin)])

    missed = [line for line in capsys.readouterr().out.splitlines() if "[unset-variable]" in line]
    assert ["KEY has no value"] == [line.partition("]: ")[2].partition(":")[0] for line in missed]


TOLD = """
import msgspec
from cap_core import *
from cap_core.plugins.messages import Caller

class Options(msgspec.Struct, frozen=True):
    key: str

def check(options, at):
    with open(PLACE, "a") as told:
        print(at.capability, at.namespace, at.masked, options.key, file=told)
    async def known(request):
        return Caller("told")
    return known

@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="told", options=Options, check=check)]
"""


@pytest.fixture
def told(things: Callable[..., Path], get_thing: str, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A document whose callers a scheme checks, its plugin, and the file that it writes each looking into."""
    path, plugin, place = things(get_thing, REST), tmp_path / "told.py", tmp_path / "told.txt"
    text = path.read_text().replace("{THINGS_KEY: THINGS_KEY}", "{KEY: KEY}")
    guard = "    authentication: {type: told, key: '{{KEY}}'}\n    resources:\n    - path"
    path.write_text(text.replace("    resources:\n    - path", guard))
    plugin.write_text(TOLD.replace("PLACE", repr(str(place))))
    return path, plugin, place


def test_a_check_is_told_whether_its_values_are_masks(told: tuple[Path, Path, Path]) -> None:
    path, plugin, place = told
    with (
        upstream() as api,
        gateway(path, base_uris={"api": api.url}, values={"KEY": "k"}, plugin_files=[plugin]) as cap,
    ):
        assert 200 == httpx.get(cap.url + "/things/7").status_code
    compiled, *served = place.read_text().splitlines()

    assert "things things-rest True ***" == compiled
    assert {"things things-rest False k"} == set(served)


def test_nothing_but_masks_is_checked_while_nothing_is_served(told: tuple[Path, Path, Path]) -> None:
    path, plugin, place = told
    assert 0 == main(["check", str(path), "--plugin", str(plugin), "--set", "KEY=k"])

    assert {"things things-rest True ***"} == set(place.read_text().splitlines())
