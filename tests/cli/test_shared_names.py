"""Names in settings that several documents have, or none: a vendor's key never goes to another vendor's address."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import upstream

Cap = Callable[..., subprocess.CompletedProcess[str]]

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds: [{{namespace: env, keys: {{{key}: {key}}}}}]
capability:
  consumes:
  - namespace: api
    type: http
    baseUri: {base}
    authentication: {{type: bearer, token: '{{{{{key}}}}}'}}
    resources:
    - path: /{name}
      operations: [{{name: get, method: GET}}]
  exposes:
  - type: rest
    namespace: {name}-rest
    port: 8080
    resources: [{{path: /{name}, operations: [{{method: GET, name: get, call: api.get}}]}}]
"""


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., None]:
    """Write one.yaml and two.yaml, which consume a namespace of one name."""

    def write(bases: tuple[str, str], keys: tuple[str, str] = ("KEY", "KEY")) -> None:
        for name, base, key in zip(("one", "two"), bases, keys, strict=True):
            (tmp_path / f"{name}.yaml").write_text(DOCUMENT.format(name=name, base=base, key=key))

    return write


SAME = ("https://api.example", "https://api.example")
DIFFERENT = ("https://one.example", "https://two.example")


@pytest.mark.parametrize(
    ("flag", "toml"),
    [
        (("--base-uri", "api=https://other.example"), ""),
        (("--allow-plaintext", "api"), ""),
        ((), "[upstreams.api]\ntotal = 3\n"),
        ((), '[base-uri]\napi = "https://other.example"\n'),
        ((), 'allow-plaintext = ["api"]\n'),
    ],
)
@pytest.mark.parametrize(("bases", "keys"), [(DIFFERENT, ("KEY", "KEY")), (SAME, ("KEY", "OTHER_KEY"))])
def test_a_bare_namespace_of_documents_that_differ_stops_the_start(
    cap: Cap, two: Any, tmp_path: Path, flag: Any, toml: str, bases: Any, keys: Any
) -> None:
    two(bases, keys)
    (tmp_path / "cap.toml").write_text(toml)
    result = cap("serve", "one.yaml", "two.yaml", "--port", "0", *flag)

    assert 2 == result.returncode
    assert "write one:api or two:api" in result.stderr
    assert 1 == len(result.stderr.splitlines())


def test_a_bare_variable_that_goes_to_different_addresses_stops_the_start(cap: Cap, two: Any) -> None:
    two(DIFFERENT)
    result = cap("serve", "one.yaml", "two.yaml", "--port", "0", "--set", "KEY=secret")

    assert 2 == result.returncode
    assert "--set KEY means several things" in result.stderr
    assert "write one:KEY or two:KEY" in result.stderr
    assert "secret" not in result.stderr


def test_full_names_reach_their_own_documents(two: Any, serving: Callable[..., Any]) -> None:
    two(DIFFERENT)
    with upstream() as first, upstream() as second:
        flags = ("--base-uri", f"one:api={first.url}", "--base-uri", f"two:api={second.url}")
        values = ("--set", "one:KEY=first-key", "--set", "two:env.KEY=second-key")
        with serving("one.yaml", "two.yaml", "--port", "0", *flags, *values) as server:
            assert 200 == httpx.get(server.url + "/one").status_code == httpx.get(server.url + "/two").status_code

    sent = [[request.header("authorization") for request in api.requests] for api in (first, second)]
    assert [[b"Bearer first-key"], [b"Bearer second-key"]] == sent


def test_a_bare_name_of_documents_that_are_alike_is_for_all_and_said(two: Any, serving: Callable[..., Any]) -> None:
    two(SAME)
    with upstream() as api:
        flags = ("--base-uri", f"api={api.url}", "--set", "KEY=the-key")
        with serving("one.yaml", "two.yaml", "--port", "0", *flags) as server:
            assert 200 == httpx.get(server.url + "/one").status_code == httpx.get(server.url + "/two").status_code

    assert 2 == len(api.requests)
    assert any("--base-uri api is for one:api and two:api" in line for line in server.lines)
    assert any("--set KEY is for one:KEY and two:KEY" in line for line in server.lines)


@pytest.mark.parametrize(
    "toml", ["[upstreams.aip]\ntotal = 3\n", '[base-uri]\naip = "https://x.example"\n', 'allow-plaintext = ["aip"]\n']
)
def test_settings_of_a_namespace_nobody_consumes_stop_the_start(cap: Cap, two: Any, tmp_path: Path, toml: str) -> None:
    two(SAME)
    (tmp_path / "cap.toml").write_text(toml)
    result = cap("serve", "one.yaml", "--port", "0")

    assert 2 == result.returncode
    assert "aip: no such namespace is consumed; did you mean 'api'?" in result.stderr
    assert "cap.toml:" in result.stderr


def test_a_setting_for_a_capability_that_is_not_served_is_a_mistake(cap: Cap, two: Any) -> None:
    two(SAME)
    result = cap("serve", "one.yaml", "--port", "0", "--set", "oen:KEY=x")

    assert 2 == result.returncode
    assert "did you mean 'one'?" in result.stderr
