"""Portkey's key and the four ways to a provider: what is sent, what is refused at start, what waits for a key."""

from __future__ import annotations

import httpx
import pytest

import cap_portkey
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import CapError
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

KEY = {"PORTKEY_API_KEY": "canary-key"}
PROVIDER = {"PORTKEY_PROVIDER": "openai", "PORTKEY_PROVIDER_KEY": "canary-provider"}
HOST = {"PORTKEY_CUSTOM_HOST": "https://models.example/v1"}
SENT_PROVIDER = {"x-portkey-provider": "openai", "authorization": "Bearer canary-provider"}

WAYS = [
    pytest.param({"PORTKEY_VIRTUAL_KEY": "v-1"}, {"x-portkey-virtual-key": "v-1"}, id="virtual-key"),
    pytest.param({"PORTKEY_CONFIG": "pc-1"}, {"x-portkey-config": "pc-1"}, id="config"),
    pytest.param(PROVIDER, SENT_PROVIDER, id="provider"),
    pytest.param(PROVIDER | HOST, SENT_PROVIDER | {"x-portkey-custom-host": HOST["PORTKEY_CUSTOM_HOST"]}, id="host"),
]


@pytest.mark.parametrize("name", ["portkey-batch", "portkey-assistants"])
@pytest.mark.parametrize(("values", "sent"), WAYS)
def test_each_way_sends_its_headers_and_no_other(name: str, values, sent, row, ask, assert_sent) -> None:
    meant = row(name, {"portkey-batch": "listbatches", "portkey-assistants": "createrun"}[name])
    with upstream() as api, gateway(name, base_uris={name: api.url + "/v1"}, values=KEY | values) as cap:
        ask(cap.url, "rest", meant, {"authorization": "Bearer the-caller's", "x-portkey-provider": "the-caller's"})

    assert_sent(api.requests[0], meant, "rest", {"x-portkey-api-key": "canary-key", **sent})


FOUR_WAYS = (
    "set one of: PORTKEY_VIRTUAL_KEY; PORTKEY_CONFIG; PORTKEY_PROVIDER with PORTKEY_PROVIDER_KEY; "
    "these two with PORTKEY_CUSTOM_HOST"
)
REFUSED = [
    pytest.param(
        {}, "type: portkey", f"no provider is chosen, and Portkey refuses a key alone; {FOUR_WAYS}", id="none"
    ),
    pytest.param(
        {"PORTKEY_PROVIDER_KEY": "canary-2"},
        "providerKey:",
        "PORTKEY_PROVIDER_KEY is set, but no provider",
        id="key-without-provider",
    ),
    pytest.param(HOST, "customHost:", "PORTKEY_CUSTOM_HOST is set, but no provider", id="host-without-provider"),
    pytest.param({"PORTKEY_PROVIDER": "openai"}, "provider:", "set PORTKEY_PROVIDER_KEY", id="provider-without-key"),
    pytest.param(
        {"PORTKEY_PROVIDER": "openai"} | HOST,
        "provider:",
        "needs the provider's own key",
        id="provider-and-host-without-key",
    ),
    pytest.param(
        {"PORTKEY_VIRTUAL_KEY": "canary-2", "PORTKEY_CONFIG": "c"},
        "config:",
        "PORTKEY_VIRTUAL_KEY and PORTKEY_CONFIG each choose a provider; leave one of them set",
        id="two",
    ),
    pytest.param(
        {"PORTKEY_VIRTUAL_KEY": "canary-2", "PORTKEY_CONFIG": "c"} | PROVIDER,
        "provider:",
        "PORTKEY_VIRTUAL_KEY and PORTKEY_CONFIG and PORTKEY_PROVIDER each choose",
        id="three",
    ),
    pytest.param(
        {"PORTKEY_CONFIG": "c", "PORTKEY_PROVIDER_KEY": "canary-2"},
        "providerKey:",
        "PORTKEY_PROVIDER_KEY goes with PORTKEY_PROVIDER, not with PORTKEY_CONFIG; leave it unset",
        id="config-with-key",
    ),
    pytest.param(
        {"PORTKEY_VIRTUAL_KEY": "canary-2"} | HOST,
        "customHost:",
        "PORTKEY_CUSTOM_HOST goes with PORTKEY_PROVIDER, not with PORTKEY_VIRTUAL_KEY",
        id="virtual-key-with-host",
    ),
    pytest.param(
        PROVIDER | {"PORTKEY_CUSTOM_HOST": "models.example"},
        "customHost:",
        "PORTKEY_CUSTOM_HOST is not an http or https address",
        id="host-without-scheme",
    ),
]


@pytest.mark.parametrize(("values", "where", "says"), REFUSED)
def test_anything_but_one_whole_way_is_refused_at_start(values, where: str, says: str) -> None:
    with pytest.raises(CapError) as caught, gateway("portkey-batch", values=KEY | values):
        pass

    text, at = str(caught.value), caught.value.at
    lines = (cap_portkey.DOCUMENTS / "portkey-batch.yaml").read_text().splitlines()
    assert at is not None
    assert lines[at.line - 1].strip().startswith(where)
    assert says in text
    assert "canary" not in text


@pytest.mark.parametrize("values", [{}, {"PORTKEY_VIRTUAL_KEY": "v"}, PROVIDER], ids=["nothing", "way", "provider"])
def test_without_portkeys_key_it_starts_and_says_which_one_is_missing(values, row, ask, door: str) -> None:
    with gateway("portkey-batch", values=values) as cap:
        said = ask(cap.url, door, row("portkey-batch", "listbatches"))

    assert not said.ok
    assert "PORTKEY_API_KEY is not set" in said.text
    assert "503" in said.text


def test_an_empty_variable_is_not_a_way() -> None:
    with (
        pytest.raises(CapError, match="no provider is chosen"),
        gateway("portkey-batch", values=KEY | {"PORTKEY_CONFIG": ""}),
    ):
        pass


def test_what_goes_where_names_only_what_goes() -> None:
    with gateway("portkey-batch", values=KEY | PROVIDER) as cap:
        shown = {(one.variable, one.host, one.set) for one in cap.gateway.destinations}

    assert {(name, "api.portkey.ai", True) for name in (*KEY, *PROVIDER)} == shown


BEARER = """
authentication: {type: bearer, token: '{{THINGS_KEY}}'}
resources:
- name: batches
  path: /batches
  operations:
  - {name: list-batches, method: GET}
"""
REST = "- path: /batches\n  operations: [{method: GET, name: list-batches, call: api.list-batches}]"


def said_of(path) -> list[str]:
    out = compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())
    return [str(d) for d in out.diagnostics if d.code == "portkey-bearer"]


@pytest.fixture
def at_portkey(things):
    """A document of `tests/conftest.py` that goes to Portkey."""

    def write(consumes: str, base: str = "https://api.portkey.ai/v1"):
        path = things(consumes, REST)
        path.write_text(path.read_text().replace("https://api.example/base", base))
        return path

    return write


def test_a_bearer_for_portkey_is_warned_of_where_it_stands(at_portkey) -> None:
    (said,) = said_of(at_portkey(BEARER))

    assert said.startswith("things.yaml:11:21: warning[portkey-bearer]: ")
    assert "apiKey, and one of virtualKey, config, or provider with providerKey" in said


@pytest.mark.parametrize("name", ["portkey-batch", "portkey-assistants"])
def test_the_published_documents_are_warned_of(shared, name: str) -> None:
    assert 1 == len(said_of(shared(f"seeds/{name}.yaml")))


@pytest.mark.parametrize(
    ("consumes", "base"),
    [
        pytest.param(BEARER, "https://api.example/v1", id="another-host"),
        pytest.param(BEARER, "https://{{HOST}}/v1", id="a-host-nobody-knows-yet"),
        pytest.param(
            BEARER + "    inputParameters: [{name: X-Portkey-Api-Key, in: header, value: '{{THINGS_KEY}}'}]",
            "https://api.portkey.ai/v1",
            id="the-key-is-where-it-belongs",
        ),
        pytest.param(
            BEARER.replace("bearer, token", "portkey, apiKey"), "https://api.portkey.ai/v1", id="the-right-scheme"
        ),
        pytest.param("\n".join(BEARER.splitlines()[2:]), "https://api.portkey.ai/v1", id="no-authentication"),
    ],
)
def test_nothing_else_is_warned_of(at_portkey, consumes: str, base: str) -> None:
    assert [] == said_of(at_portkey(consumes, base))


def test_an_option_portkey_does_not_have_is_refused_with_a_suggestion(at_portkey) -> None:
    path = at_portkey(BEARER.replace("bearer, token", "portkey, apikey"))
    out = compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())

    assert "did you mean 'apiKey'?" in str(out.refusal)


def test_the_scheme_serves_a_document_of_ones_own(at_portkey) -> None:
    consumes = BEARER.replace(
        "bearer, token: '{{THINGS_KEY}}'", "portkey, apiKey: '{{THINGS_KEY}}', config: pc-literal"
    )
    with upstream() as api:
        with gateway(at_portkey(consumes), base_uris={"api": api.url}, values={"THINGS_KEY": "k"}) as cap:
            httpx.get(cap.url + "/batches")

        assert (b"k", b"pc-literal") == (
            api.requests[0].header("x-portkey-api-key"),
            api.requests[0].header("x-portkey-config"),
        )
