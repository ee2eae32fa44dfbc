"""Which settings hold, where they came from, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cap_core.errors import ConfigError
from cap_core.plan.upstream import Timeouts, Tls
from cap_core.settings.resolve import resolve
from cap_core.settings.rows import rows
from cap_core.settings.table import Settings

FILE = 'port = 3\nblock = ["f"]\nset = ["A=file", "B=file"]\n'


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "cap.toml").write_text(FILE)
    return tmp_path


@pytest.mark.parametrize(
    ("flags", "variables", "name", "value", "origin"),
    [
        pytest.param({"port": "1"}, {"CAP_PORT": "2"}, "port", 1, "flag", id="a flag before a variable"),
        pytest.param({}, {"CAP_PORT": "2"}, "port", 2, "CAP_PORT", id="a variable before the file"),
        pytest.param({}, {"CAP_PORT": ""}, "port", 3, "cap.toml:1:1", id="an empty variable is none"),
        pytest.param({}, {}, "port", 3, "cap.toml:1:1", id="the file before the default"),
        pytest.param({}, {}, "drain", 30, "default", id="the default"),
        pytest.param({"block": ("a", "b")}, {"CAP_BLOCK": "v"}, "block", ("a", "b"), "flag", id="a list's flag"),
        pytest.param({}, {"CAP_BLOCK": "v, w"}, "block", ("v", "w"), "CAP_BLOCK", id="a list with commas"),
        pytest.param({}, {"CAP_BLOCK": "v\nw,x\n"}, "block", ("v", "w,x"), "CAP_BLOCK", id="a list in lines"),
        pytest.param({}, {}, "block", ("f",), "cap.toml:2:1", id="a list of the file"),
        pytest.param({"reload": False}, {"CAP_RELOAD": "on"}, "reload", False, "flag", id="a switch turned off"),
        pytest.param({}, {"CAP_RELOAD": "Yes"}, "reload", True, "CAP_RELOAD", id="a switch turned on"),
    ],
)
def test_a_flag_goes_before_a_variable_before_the_file_before_the_default(
    here: Path,
    flags: dict[str, Any],
    variables: dict[str, str],
    name: str,
    value: object,
    origin: str,
) -> None:
    settings = resolve(flags, variables, cwd=here)

    assert getattr(settings, name) == value
    assert settings.origin(name).removeprefix(f"{here}/") == origin


def test_pairs_are_merged_name_by_name(here: Path) -> None:
    settings = resolve({"set": ("A=flag=x",)}, {"CAP_SET": "C=variable"}, cwd=here)

    assert settings.values == {"A": "flag=x", "B": "file", "C": "variable"}
    assert [settings.origin("set", name) for name in "ABC"] == ["flag", f"{here}/cap.toml:3:18", "CAP_SET"]


def test_a_file_has_tables(tmp_path: Path) -> None:
    (tmp_path / "cap.toml").write_text(
        """
        [set]
        PLAIN = "1"
        ns.INSIDE = "2"
        "other.QUOTED" = "3"
        [base-uri]
        api = "https://api.example/v1"
        "cap:api" = "http://127.0.0.1:9"
        [upstreams."cap:api"]
        connect = 1
        first-byte = 2.5
        ca = "certificates/ca.pem"
        connections = 10
        """
    )
    settings = resolve({}, {}, cwd=tmp_path)

    assert settings.values == {"PLAIN": "1", "ns.INSIDE": "2", "other.QUOTED": "3"}
    assert settings.base_uris == {"api": "https://api.example/v1", "cap:api": "http://127.0.0.1:9"}
    upstream = settings.upstreams["cap:api"]
    assert upstream.timeouts(Timeouts()) == Timeouts(connect=1, first_byte=2.5)
    assert upstream.tls == Tls(ca=str(tmp_path / "certificates" / "ca.pem"))
    assert upstream.connections == 10
    assert settings.origin("upstreams", "cap:api", "connect") == f"{tmp_path}/cap.toml:10:9"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot = 1", "1:1: 'prot' is no setting; did you mean 'port'?"),
        ("\n  config = 'x'", "2:3: 'config' is no setting; known are: host,"),
        ("port = '1'", "1:8: 'port' must be a port, 0 to 65535, not '1'"),
        ("port = 70000", "1:8: 'port' must be a port, 0 to 65535, not '70000'"),
        ("port = true", "1:8: 'port' must be a port, 0 to 65535, not 'true'"),
        ("reload = 1", "1:10: 'reload' must be true or false, not '1'"),
        ("drain = -1", "1:9: 'drain' must be a number of seconds, not '-1'"),
        ("drain = nan", "1:9: 'drain' must be a number of seconds, not 'nan'"),
        ("log-format = 'xml'", "1:14: 'log-format' must be console or json, not 'xml'"),
        ("block = 'a'", "1:9: 'block' must be a list"),
        ("block = ['a',\n 1]", "2:2: 'block' must be text, not '1'"),
        ("set = 'A=1'", "1:7: 'set' must be a table, or a list of NAME=VALUE"),
        ("set = ['A=1', 'B']", "1:15: 'set' must hold NAME=VALUE texts"),
        ("[set]\nA = 1", "2:5: 'A' must be text"),
        ("[base-uri]\na = 'ftp://x'", "2:5: 'a' must be an http(s) URL without userinfo, query and fragment, not"),
        ("upstreams = 1", "1:13: 'upstreams' must be a table"),
        ("[upstreams]\nconnect = 1", "2:11: 'connect' must be a table; write [upstreams.connect]"),
        ("[upstreams.a]\nconect = 1", "2:1: 'conect' is no key of an upstream; did you mean 'connect'?"),
        ("[upstreams.a]\nconnect = 'x'", "2:11: 'connect' must be a number of seconds, not 'x'"),
        ("[upstreams.a]\nproxy = 'socks5://u:p@h'", "2:9: 'proxy' must be an http(s) URL"),
        ("workers = 2", "1:1: 'workers' is no setting; known are: host, port"),
        ("port = ", "1:8: Invalid value"),
    ],
)
def test_what_is_wrong_in_a_file_has_a_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "cap.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as wrong:
        resolve({}, {}, cwd=tmp_path)

    assert wrong.value.exit_code == 2
    assert str(wrong.value).startswith(f"{path}:{complaint}")


@pytest.mark.parametrize(
    ("flags", "variables", "complaint"),
    [
        ({"port": "x"}, {}, "--port must be a port, 0 to 65535, not 'x'"),
        ({}, {"CAP_PORT": "x"}, "CAP_PORT must be a port, 0 to 65535, not 'x'"),
        ({}, {"CAP_RELOAD": "maybe"}, "CAP_RELOAD must be true or false, not 'maybe'"),
        ({"host": ""}, {}, "--host must be text, not ''"),
        ({"set": ("k3y",)}, {}, "--set must be [NS.]NAME=VALUE"),
        ({"base-uri": ("api",)}, {}, "--base-uri must be NS=URL, not 'api'"),
        ({"base-uri": ("api=x",)}, {}, "--base-uri api must be an http(s) URL"),
        ({"caller-auth": "bearer"}, {}, "--caller-auth must be TYPE:NAME, not 'bearer'"),
        ({"allow-origin": ("https://a/b",)}, {}, "--allow-origin must be an origin such as"),
        ({"tls-cert": "x"}, {}, "--tls-cert needs --tls-key; give both, or neither"),
        ({"config": "no.toml"}, {}, "no.toml: no such file or directory"),
        ({}, {"CAP_CONFIG": "no.toml"}, "no.toml: no such file or directory"),
    ],
)
def test_what_is_wrong_with_a_flag_or_a_variable_names_it(
    tmp_path: Path, flags: dict[str, Any], variables: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigError) as wrong:
        resolve(flags, variables, cwd=tmp_path)

    assert str(wrong.value).replace(f"{tmp_path}/", "").startswith(complaint)


def test_a_value_that_may_be_a_secret_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as wrong:
        resolve({"set": ("s3cret-value",)}, {}, cwd=tmp_path)

    assert "s3cret" not in str(wrong.value)


@pytest.mark.parametrize("named", ["documents", "documents/things.yaml", "./documents/../documents", "link.yaml"])
def test_a_file_beside_documents_elsewhere_is_not_read(here: Path, named: str) -> None:
    (here / "documents").mkdir()
    (here / "documents" / "cap.toml").write_text('port = 4\nallow-files = ["/"]\nplugin = ["evil.py"]\nprot = 1\n')
    (here / "documents" / "things.yaml").write_text("")
    (here / "link.yaml").symlink_to("documents/things.yaml")

    settings = resolve({}, {}, [named], here)

    assert (3, ()) == (settings.port, settings.allow_files)
    assert (named != "link.yaml") == ([here / "documents" / "cap.toml"] == [path.resolve() for path in settings.unread])
    assert () == resolve({}, {}, ["an-installed-one"], here).unread


def test_a_file_beside_documents_is_read_where_the_working_directory_has_it(here: Path) -> None:
    (here / "things.yaml").write_text("")

    for named in ("things.yaml", ".", str(here / "things.yaml")):
        settings = resolve({}, {}, [named], here)
        assert (3, ()) == (settings.port, settings.unread)


def test_a_named_file_goes_before_every_other(here: Path) -> None:
    (here / "prod.toml").write_text("port = 5")

    assert resolve({"config": "prod.toml"}, {}, (), here).port == 5
    assert resolve({}, {"CAP_CONFIG": "prod.toml"}, (), here).port == 5


def test_every_file_that_is_not_read_is_known_unless_one_is_named(here: Path) -> None:
    for name in ("a", "b"):
        (here / name).mkdir()
        (here / name / "cap.toml").write_text("port = 4")

    assert (here / "a" / "cap.toml", here / "b" / "cap.toml") == resolve({}, {}, ["a", "b"], here).unread
    assert () == resolve({"config": "a/cap.toml"}, {}, ["a", "b"], here).unread
    assert 4 == resolve({"config": "a/cap.toml"}, {}, ["a", "b"], here).port


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert resolve({}, {}, cwd=tmp_path) == Settings()


def test_every_setting_has_one_name() -> None:
    names = [row.name for row in rows()]

    assert len(set(names)) == len(names)
    assert all(row.about.help.endswith(".") for row in rows())
