"""Where the endpoints are, and what clients find that look for OAuth, over a running gateway."""

from __future__ import annotations

import http.client

import httpx
import msgspec
import pytest

from cap_core.testing import gateway, upstream

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"


@pytest.fixture
def served(things, get_thing):
    """A gateway with one capability of an odd name."""
    path = things(get_thing, tools=TOOL, name="my shop.yaml")
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        yield cap


def sent(url, method, path, body=b""):
    """The status, the headers and the body of a request whose path goes out as it is written."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request(method, path, body, {"content-type": "application/json"})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


ADDRESSES = ["/mcp", "/mcp/", "/mcp/my%20shop", "/mcp/my%20shop/", "/%6Dcp/", "/mcp/m%79%20shop/", "/mcp/?x=1"]


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_slash_behind_an_address_makes_no_difference(served, path):
    status, headers, body = sent(served.url, "POST", path, msgspec.json.encode(PING))

    assert (status, msgspec.json.decode(body)) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})
    assert "location" not in headers


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_other_methods_are_405_with_and_without_the_slash(served, method, path):
    status, headers, _ = sent(served.url, method, path)

    assert (status, headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/mcp//", "/mcp%2F", "/mcp/my%20shop//", "/mcp/other/", "/mcp/my%2520shop/"])
def test_other_addresses_are_none(served, path):
    status, _, body = sent(served.url, "POST", path, msgspec.json.encode(PING))

    assert (status, msgspec.json.decode(body)["status"]) == (404, 404)


LOOKED_FOR = [
    ("GET", "/.well-known/oauth-protected-resource"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/.well-known/oauth-protected-resource/mcp/"),
    ("GET", "/.well-known/oauth-protected-resource/mcp/my%20shop"),
    ("GET", "/.well-known/oauth-authorization-server"),
    ("GET", "/.well-known/oauth-authorization-server/mcp"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/.well-known/openid-configuration/mcp/my%20shop"),
    ("GET", "/mcp/.well-known/openid-configuration"),
    ("GET", "/mcp/my%20shop/.well-known/openid-configuration"),
    ("POST", "/register"),
    ("POST", "/token"),
]


@pytest.mark.parametrize(("method", "path"), LOOKED_FOR)
def test_clients_that_look_for_oauth_read_that_there_is_none(served, method, path):
    status, headers, body = sent(served.url, method, path)
    told = msgspec.json.decode(body)

    assert (status, headers["content-type"]) == (404, "application/json")
    assert told["error"] == "not_found"
    assert "no OAuth" in told["error_description"]


def test_what_is_no_address_of_oauth_stays_a_problem(served):
    for path in ("/.well-known/security.txt", "/.well-known/oauth-", "/registers", "/register/x"):
        status, headers, _ = sent(served.url, "GET", path)
        assert (status, headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/register", "/{id}", "/.well-known/{id}", "/.well-known/oauth-protected-resource"])
def test_a_route_of_a_document_wins_over_what_is_said_of_oauth(things, get_thing, path):
    rest = f"- path: {path}\n  operations:\n  - {{method: GET, name: get-thing, call: api.get-thing"
    rest += "}" if "{id}" in path else ", with: {id: '7'}}"
    asked = path.replace("{id}", "register" if path == "/{id}" else "openid-configuration")
    with upstream() as api, gateway(things(get_thing, rest, TOOL), base_uris={"api": api.url}) as cap:
        own = httpx.get(cap.url + asked)
        other = httpx.post(cap.url + asked, json={})
        union = httpx.post(cap.url + "/mcp/", json=PING)

    assert own.status_code == 200
    assert len(api.requests) == 1
    assert other.status_code == 405
    assert union.json()["result"] == {}
