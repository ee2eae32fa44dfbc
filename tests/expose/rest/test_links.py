"""`Location` and `Link` of an upstream lead callers back to the gateway, where exactly the same can be said there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Answered, Recorded, Running, gateway, upstream

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {KEY: KEY}}
capability:
  consumes:
  - namespace: api
    baseUri: UPSTREAM/v1
    authentication: {type: apikey, key: api_key, value: '{{KEY}}', placement: query}
    resources:
    - path: /jobs
      operations:
      - {name: create, method: POST}
    - path: /jobs/{job}
      operations:
      - {name: read, method: GET, outputRawFormat: json}
    - path: /repos/{owner}/{repo}/issues
      operations:
      - name: issues
        method: GET
        outputRawFormat: json
        inputParameters:
        - {name: page, in: query, type: integer}
        - {name: state, in: query, value: open}
    - path: /search
      operations:
      - {name: search, method: GET, inputParameters: [{name: q, in: query, type: string, required: true}]}
    - path: /files/{name}.{kind}
      operations:
      - {name: file, method: GET}
    - path: /echo
      operations:
      - {name: echo, method: GET, inputParameters: [{name: to, in: query, type: string}]}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - {path: /tasks, operations: [{name: create, method: POST, call: api.create}]}
    - {path: '/tasks/{id}', operations: [{name: read, method: GET, call: api.read, with: {job: rest.id}}]}
    - path: '/issues/{owner}/{repo}'
      operations:
      - {name: issues, method: GET, call: api.issues, with: {page: rest.p}, inputParameters: [{name: p, in: query, type: integer}]}
    - path: '/mapped/{owner}/{repo}'
      operations:
      - name: mapped
        method: GET
        call: api.issues
        outputParameters: [{name: n, type: integer, mapping: $.n}]
    - {path: /search, operations: [{name: search, method: GET, call: api.search}]}
    - {path: '/files/{kind}/{name}', operations: [{name: file, method: GET, call: api.file}]}
    - {path: /echo, operations: [{name: echo, method: GET, call: api.echo}]}
"""


def answer(request: Recorded) -> Answered:
    path, _, query = request.target.decode().partition("?")
    key = "api_key=very-secret-key"
    if path == "/v1/jobs":
        return Answered(201, ((b"location", b"/v1/jobs/job-2"),), b"{}")
    if path.endswith("/issues"):
        here = f"http://{request.header('host').decode()}{path}"  # type: ignore[union-attr]
        link = f'<{here}?page=2&state=open&{key}>; rel="next", <{here}?page=9&state=open&{key}>; rel="last"'
        return Answered(200, ((b"link", link.encode()), (b"content-type", b"application/json")), b'{"n": 1}')
    if path == "/v1/echo":
        to = httpx.QueryParams(query)["to"].replace("HOST", request.header("host").decode())  # type: ignore[union-attr]
        return Answered(201, ((b"location", to.encode()),), b"{}")
    return Answered(body=request.target)


@pytest.fixture(scope="module")
def cap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with upstream(answer) as api:
        path = tmp_path_factory.mktemp("documents") / "c.yaml"
        path.write_text(DOCUMENT.replace("UPSTREAM", api.url))
        with gateway(path, values={"KEY": "very-secret-key"}) as running:
            yield running


def echoed(cap: Running, location: str) -> str:
    return httpx.get(f"{cap.url}/echo", params={"to": location}).headers["location"]


def test_what_was_created_is_found_behind_the_gateway(cap: Running) -> None:
    location = httpx.post(f"{cap.url}/tasks").headers["location"]

    assert location == "/tasks/job-2"
    assert httpx.get(cap.url + location).text == "/v1/jobs/job-2?api_key=very-secret-key"


def test_the_next_page_is_one_of_the_gateway(cap: Running) -> None:
    link = httpx.get(f"{cap.url}/issues/o/r").headers["link"]

    assert link == '</issues/o/r?p=2>; rel="next", </issues/o/r?p=9>; rel="last"'
    assert "n" in httpx.get(cap.url + "/issues/o/r?p=2").text


def test_a_mapped_answer_has_no_pages(cap: Running) -> None:
    reply = httpx.get(f"{cap.url}/mapped/o/r")

    assert reply.json() == {"n": 1}
    assert "link" not in reply.headers


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        pytest.param("/v1/jobs/7", "/tasks/7", id="path"),
        pytest.param("jobs/7", "/tasks/7", id="relative-to-the-request"),
        pytest.param("http://HOST/v1/jobs/7", "/tasks/7", id="absolute"),
        pytest.param("HTTP://HOST/v1/jobs/7", "/tasks/7", id="scheme-in-capitals"),
        pytest.param("//HOST/v1/jobs/7#top", "/tasks/7#top", id="without-scheme-and-with-fragment"),
        pytest.param("/v1/jobs/a%2Fb%20c", "/tasks/a%2Fb%20c", id="escaped"),
        pytest.param("/v1/files/report.pdf", "/files/pdf/report", id="parts-of-a-segment-in-another-order"),
        pytest.param("/v1/search?q=a+b%26c", "/search?q=a+b%26c", id="query"),
    ],
)
def test_an_address_that_is_exposed_is_rewritten(cap: Running, location: str, expected: str) -> None:
    assert echoed(cap, location) == expected


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("/v1/jobs/7?view=full", id="parameter-that-nothing-takes"),
        pytest.param("/v1/search", id="without-a-required-parameter"),
        pytest.param("/v1/jobs", id="not-exposed-as-get"),
        pytest.param("/v2/jobs/7", id="other-prefix"),
        pytest.param("https://HOST/v1/jobs/7", id="other-scheme"),
        pytest.param("http://elsewhere.example/v1/jobs/7", id="other-host"),
        pytest.param("/v1/jobs/", id="empty-identifier"),
        pytest.param("/v1/jobs/%2E%2E", id="dots"),
        pytest.param("/v1/jobs/7/more", id="longer"),
    ],
)
def test_any_other_address_stays_the_upstreams(cap: Running, location: str) -> None:
    got = echoed(cap, location)

    assert got.endswith(location.replace("HOST", "").removeprefix("https:").removeprefix("http:").lstrip("/")[-6:])
    assert got.startswith("http")


@pytest.mark.parametrize(
    "location",
    ["https://e.example/x?api_key=very-secret-key&y=1", "https://e.example/x?y=1&token=Bearer%20very-secret-key"],
)
def test_an_address_elsewhere_loses_the_credential(cap: Running, location: str) -> None:
    assert echoed(cap, location) == "https://e.example/x?y=1"


def test_of_two_capabilities_with_one_route_the_name_leads_to_the_right_one(document: Callable[..., Path]) -> None:
    with upstream(answer) as api:
        text = DOCUMENT.replace("UPSTREAM", api.url)
        paths = [document(text, "one.yaml"), document(text, "two.yaml")]
        with gateway(*paths, values={"KEY": "very-secret-key"}) as cap:
            location = httpx.post(f"{cap.url}/two/tasks").headers["location"]

            assert location == "/two/tasks/job-2"
            assert httpx.get(cap.url + location).text == "/v1/jobs/job-2?api_key=very-secret-key"
