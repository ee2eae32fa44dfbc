"""Faults of plugins at start: each is one line that names the plugin, and nothing is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from cap_core.cli import main
from cap_core.errors import CapError
from cap_core.plugins import loader
from cap_core.runtime.options import OpenOptions
from cap_core.testing import gateway

HEAD = """\
from pathlib import Path
import msgspec
from cap_core import *
from cap_core.diagnostics.codes import Code
from cap_core.diagnostics.report import Diagnostic


class O(msgspec.Struct):
    pass


def interceptor(**given):
    return [Interceptor(key="a", **given)]


def fails(*given):
    raise ValueError("boom")
"""


def hook(name: str, body: str, mark: str = "@hookimpl\n") -> str:
    return f"{HEAD}{mark}def {name}:\n    {body}\n"


def rule(diagnose: str, codes: str = "()") -> str:
    return hook("cap_diagnose()", f"return [DiagnosticRule(key='a', codes={codes}, diagnose={diagnose})]")


CHECKED = {
    "import": ("raise RuntimeError('boom')", "does not load: boom (", ".py:1)"),
    "library": ("import nowhere_to_be_found", "does not load: No module named", ".py:1)"),
    "syntax": ("def x(:\n  pass", "does not load: invalid syntax", "line 1)"),
    "exit": ("import sys; sys.exit(3)", "does not load: it ends the process with 3", ".py:1)"),
    "interrupt": ("raise KeyboardInterrupt", "does not load: it interrupts the process", ".py:1)"),
    "raises": (hook("cap_interceptors()", "raise ValueError('boom')"), "cap_interceptors failed: boom", ".py:20)"),
    "generator": (
        hook("cap_interceptors()", "yield from interceptor(wrap_call=fails); 1/0"),
        "division by zero",
        ".py:20",
    ),
    "none": (hook("cap_interceptors()", "pass"), "cap_interceptors gave None, not a list of Interceptor", ".py:18)"),
    "list": (hook("cap_interceptors()", "return ['x', 3]"), "a value of type str, not an Interceptor", ".py:18)"),
    "other": (
        hook("cap_interceptors()", "return [AsgiWrapper(key='a', wrap=fails)]"),
        "a value of type AsgiWrapper, not an Interceptor",
        ".py:18)",
    ),
    "single": (
        hook("cap_interceptors()", "return interceptor(wrap_call=fails)[0]"),
        "gave a value of type Interceptor, not a list",
        ".py:18)",
    ),
    "text": (hook("cap_interceptors()", "return 'ab'"), "gave a value of type str, not a list", ".py:18)"),
    "async": (f"{HEAD}@hookimpl\nasync def cap_interceptors():\n    return []", "gave a coroutine", ".py:18)"),
    "unknown": (hook("cap_intercepters()", "return []"), "there is no hook cap_intercepters", "'cap_interceptors'?"),
    "foreign": (hook("something()", "return []"), "there is no hook something", "hooks are cap_app_init, cap_asgi"),
    "arguments": (hook("cap_interceptors(x)", "return []"), "cap_interceptors takes x", ".py:18)"),
    "unmarked": (hook("cap_interceptors()", "return []", ""), "cap_interceptors is not marked as a hook", ".py:18)"),
    "misspelt": (hook("cap_interceptor()", "return []", ""), "looks like the hook cap_interceptors", ".py:18)"),
    "twice": (
        hook("cap_interceptors()", "return 2 * interceptor(wrap_call=fails)"),
        "offers twice the interceptor 'a'",
        "--block bad",
    ),
    "scheme-twice": (
        hook("cap_auth_schemes()", "return [AuthScheme(key='Bearer', options=O, sign=fails)]"),
        "'auth-bearer' and 'bad' both offer the auth scheme 'bearer' and 'Bearer', which mean the same",
        "--block bad",
    ),
    "format-twice": (
        hook("cap_output_mappers()", "return [OutputMapper(key='J_S_ON', options=O, compile=fails)]"),
        "'output-json' and 'bad' both offer the output format 'json' and 'J_S_ON'",
        "--block bad",
    ),
    "number": (hook("cap_interceptors()", "return [Interceptor(key=3)]"), "its key is 3", ".py:18)"),
    "empty": (hook("cap_interceptors()", "return [Interceptor(key='')]"), "its key is ''", ".py:18)"),
    "nothing": (hook("cap_interceptors()", "return interceptor()"), "it wraps neither calls nor sendings", ".py:18)"),
    "no-function": (
        hook("cap_interceptors()", "return interceptor(wrap_call=3)"),
        "wrap_call is no function",
        ".py:18)",
    ),
    "options": (
        hook("cap_auth_schemes()", "return [AuthScheme(key='zz', options=dict, sign=fails)]"),
        "its options are no msgspec.Struct class",
        ".py:18)",
    ),
    "neither": (hook("cap_auth_schemes()", "return [AuthScheme(key='zz', options=O)]"), "neither signs nor", ".py:18)"),
    "rule": (rule("fails"), "diagnose of the diagnostic rule a failed: boom", ".py:17)"),
    "rule-junk": (rule("lambda p: ['x']"), "a value of type str, not a Diagnostic", ".py:20)"),
    "rule-code": (
        rule("lambda p: [Diagnostic(p.consumed[0].at, 'warning', 'no-such', 'x', '')]"),
        "not a code that its rule declares",
        ".py:20)",
    ),
    "rule-severity": (
        rule("lambda p: [Diagnostic(p.consumed[0].at, 'weird', 'no-call', 'x', '')]"),
        "a Diagnostic whose severity is",
        ".py:20)",
    ),
    "code-severity": (
        rule("fails", "(Code('mine', 'weird', 'x', 'y'),)"),
        "'mine' is none of info, warning",
        ".py:18)",
    ),
    "code-twice": (rule("fails", "(Code('no-call', 'warning', 'x', 'y'),)"), "already means something else", "bad.py"),
    "document-text": (
        hook("cap_capabilities()", "return [CapabilitySource('x', 'api.yaml')]"),
        "the capability 'x' cannot be used: its document is no Path",
        ".py:18)",
    ),
    "document-gone": (
        hook("cap_capabilities()", "return [CapabilitySource('x', Path('/gone.yaml'))]"),
        "there is no /gone.yaml",
        ".py:18)",
    ),
}
"""What `cap check` finds: the plugin, what the line says, and what else it says."""

OPENED = {
    "call-none": (
        hook("cap_interceptors()", "return interceptor(wrap_call=lambda c, r: None)"),
        "gave None, not a func",
    ),
    "call-raises": (
        hook("cap_interceptors()", "return interceptor(wrap_call=fails)"),
        "wrap_call of the interceptor a",
    ),
    "call-arguments": (hook("cap_interceptors()", "return interceptor(wrap_call=lambda c: c)"), "takes 1 positional"),
    "send-none": (
        hook("cap_interceptors()", "return interceptor(wrap_send=lambda c, r: None)"),
        "gave None, not a func",
    ),
    "send-raises": (
        hook("cap_interceptors()", "return interceptor(wrap_send=fails)"),
        "wrap_send of the interceptor a",
    ),
    "asgi-none": (
        hook("cap_asgi()", "return [AsgiWrapper(key='a', wrap=lambda a: None)]"),
        "gave None, not a function",
    ),
    "asgi-raises": (
        hook("cap_asgi()", "return [AsgiWrapper(key='a', wrap=fails)]"),
        "wrap of the asgi wrapper a failed",
    ),
    "pages-raise": (hook("cap_app_init(app_config)", "fails()"), "the pages that cap_app_init adds failed: boom"),
    "pages-junk": (hook("cap_app_init(app_config)", "app_config.route_handlers.append(3)"), "the pages that cap_app"),
    "transport-raises": (
        hook("cap_transports()", "return [Transport(key='t', open=fails)]"),
        "open of the transport t",
    ),
    "transport-none": (
        hook("cap_transports()", "return [Transport(key='t', open=lambda at: None)]"),
        "gave None, not an async context manager",
    ),
    "transport-no-send": (
        hook("cap_transports()", "import contextlib\n    return [Transport(key='t', open=contextlib.nullcontext)]"),
        "a value of type TransportContext, not a function",
    ),
    "transport-late": (
        hook(
            "cap_transports()",
            "class M:\n        async def __aenter__(self): fails()\n        async def __aexit__(self, *a): pass\n"
            "    return [Transport(key='t', open=lambda at: M())]",
        ),
        "open of the transport t failed: boom",
    ),
}
"""What shows when the gateway opens."""


def lines(err: str) -> list[str]:
    """What is said, without that a plugin of ours takes long to import on a busy machine."""
    return [line for line in err.splitlines() if line and "is still being imported" not in line]


@pytest.fixture
def bad(tmp_path: Path):
    def write(text: str, name: str = "bad.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("case", CHECKED)
def test_a_fault_that_loading_finds(bad, thing: Path, capfd, case: str) -> None:
    text, says, more = CHECKED[case]
    plugin = bad(text)

    for command in ("check", "serve"):
        assert 1 == main(
            [command, str(thing), "--plugin", str(plugin), "--port", "0"][: None if command == "serve" else 4]
        )
        out = capfd.readouterr()
        (line,) = lines(out.err)
        assert "bad" in line
        assert says in line
        assert more in line
        assert "Traceback" not in out.out + out.err
        assert "internal error" not in line


@pytest.mark.parametrize("case", OPENED)
def test_a_fault_that_opening_finds(bad, thing: Path, case: str) -> None:
    text, says = OPENED[case]
    plugin = bad(text)
    opening = OpenOptions(transport="t" if "cap_transports" in text else "")

    with pytest.raises(CapError) as stopped, gateway(thing, plugin_files=[plugin], opening=opening):
        pytest.fail("it is served")

    line = str(stopped.value)
    assert line.startswith(f"error[plugin-fault]: bad of {plugin}: ")
    assert says in line
    assert "--block bad" in line


SIGNS = {
    "raises": ("lambda o, at: fails()", "sign of the auth scheme door failed: boom"),
    "none": ("lambda o, at: None", "gave None, not Credentials or an AuthFlow"),
    "text": ("lambda o, at: 'Bearer x'", "a value of type str, not Credentials"),
    "texts": ("lambda o, at: Credentials(headers=(('X-A', 'b'),))", "Credentials whose headers are"),
    "flow": ("lambda o, at: AuthFlow(Credentials(), None)", "gave None, not a function"),
}


@pytest.mark.parametrize("case", SIGNS)
def test_a_scheme_that_signs_nonsense_is_no_fault_of_the_document(bad, things, get_thing, capfd, case: str) -> None:
    sign, says = SIGNS[case]
    plugin = bad(hook("cap_auth_schemes()", f"return [AuthScheme(key='door', options=O, sign={sign})]"))
    rest = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
    document = things("authentication: {type: door}\n" + get_thing, rest)

    assert 1 == main(["check", str(document), "--plugin", str(plugin)])

    (line,) = lines(capfd.readouterr().err)
    assert line.startswith(f"error[plugin-fault]: bad of {plugin}: ")
    assert says in line
    assert "bad.py:" in line


def test_two_files_of_one_name_are_told_apart(bad, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, two = bad(HEAD), bad(HEAD, "other/bad.py")

    with pytest.raises(CapError) as refused:
        loader.load(files=(one, two))
    assert f"two plugins are called 'bad', of {one} and {two}; rename the file of one" in str(refused.value)


def test_an_import_that_takes_long_is_said(bad, tmp_path: Path) -> None:
    told = tmp_path / "told"
    wait = f"import pathlib, time\nfor _ in range(600):\n    if pathlib.Path({str(told)!r}).exists(): break\n    time.sleep(0.05)\n"

    loader.load(files=(bad(wait + "else:\n    raise TimeoutError\n"),), say=told.write_text, patience=0.05)

    assert "the plugin 'bad' is still being imported" == told.read_text()


def test_a_helper_of_a_plugin_may_have_any_name(bad) -> None:
    plugin = bad(HEAD + "def cap_length(text):\n    return text[:9]\n")

    assert "bad" in [one.name for one in loader.load(files=(plugin,)).plugins]
