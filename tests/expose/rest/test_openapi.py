"""The OpenAPI description: valid, complete, and under the addresses that are served."""

from __future__ import annotations

import json

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from cap_plugins.expose.rest.openapi import describe

CATS = """\
naftiko: 1.0.0-alpha2
info: {label: Cats, description: All about cats.}
binds:
- {namespace: env, keys: {CATS_KEY: CATS_KEY, GATE: GATE}}
capability:
  consumes:
  - type: http
    namespace: vendor
    baseUri: https://cats.example
    authentication: {type: bearer, token: '{{env.CATS_KEY}}'}
    resources:
    - path: /cats
      operations:
      - name: listcats
        method: GET
        description: Lists cats.
        inputParameters:
        - {name: limit, in: query, type: integer, description: How many.}
        - {name: color, in: query, type: string, enum: [black, red]}
        - {name: ids, in: query, type: array}
        - {name: filter, in: query, type: object}
        - {name: X-Tenant, in: header, type: string, required: true}
        - {name: session, in: cookie, type: string}
      - {name: addcat, method: POST, inputParameters: [{name: body, in: body, type: object, required: true}]}
    - path: /cats/{cat_id}
      operations:
      - {name: getcat, method: GET, description: One cat.}
      - {name: putcat, method: PUT}
      - name: patchcat
        method: PATCH
        inputParameters:
        - {name: name, in: body, type: string, required: true, pattern: '^[a-z]'}
        - {name: lives, in: body, type: integer}
  exposes:
  - type: rest
    namespace: cats-rest
    port: 8080
    authentication: {type: apikey, key: X-Key, value: '{{env.GATE}}', placement: header}
    resources:
    - path: /v1/cats
      name: cats
      description: The cats.
      operations:
      - method: GET
        name: listcats
        label: List cats
        call: vendor.listcats
        inputParameters: [{name: session, in: cookie, type: string}]
      - {method: POST, name: addcat, call: vendor.addcat}
      - {method: POST, name: addcat, call: vendor.addcat}
      - {method: PATCH, name: gone, call: vendor.nothing}
    - path: /v1/cats/{cat-id}.json
      operations:
      - method: GET
        name: getcat
        call: vendor.getcat
        outputParameters:
        - {name: name, type: string, mapping: $.name}
        - {name: kittens, type: array, mapping: $.k, items: {type: object, properties: [{name: id, type: integer}]}}
    - path: /v1/cats/{{catId}}.json
      operations:
      - {method: PUT, name: getcat, call: vendor.putcat}
      - {method: PATCH, name: patchcat, call: vendor.patchcat}
"""

DOGS = """\
naftiko: 1.0.0-alpha2
info: {label: Dogs}
capability:
  consumes:
  - type: http
    namespace: vendor
    baseUri: https://dogs.example
    resources:
    - path: /dogs/{a}/{b}
      operations: [{name: get, method: GET}]
  exposes:
  - type: rest
    namespace: dogs-rest
    port: 8080
    resources:
    - path: /v1/cats
      operations: [{method: GET, name: list, call: vendor.get, with: {a: rest.x, b: rest.y}}]
    - path: /v1/dogs/{a}/{b b}
      operations: [{method: GET, name: 'get it', call: vendor.get, with: {a: rest.a, b: 'rest.b b'}}]
"""


@pytest.fixture
def description(exposures):
    """The description of documents, checked, as JSON has it; with `only` one capability is shown."""

    def description(only=None, **documents):
        all_ = exposures(**documents)
        shown = frozenset(e.key for e in all_ if only in (None, e.about.name))
        part = json.loads(msgspec.json.encode(describe(all_, shown)))
        whole = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, **part}
        assert [] == list(OpenAPIV31SpecValidator(whole).iter_errors())
        return part

    return description


def test_a_description_is_valid_and_has_every_operation_once(description):
    got = description(cats=CATS)

    methods = {path: sorted(set(item) & {"get", "put", "post", "patch"}) for path, item in got["paths"].items()}
    assert {"/v1/cats": ["get", "post"], "/v1/cats/{cat-id}.json": ["get", "patch", "put"]} == methods
    operations = [o for item in got["paths"].values() for o in item.values() if isinstance(o, dict)]
    ids = [o["operationId"] for o in operations]
    assert ["cats.addcat", "cats.getcat", "cats.getcat_2", "cats.listcats", "cats.patchcat"] == sorted(ids)


def test_an_operation_says_what_it_is_and_where_it_stands(description):
    got = description(cats=CATS)["paths"]["/v1/cats"]

    assert "The cats." == got["description"]
    listed = got["get"]
    assert ("List cats", "Lists cats.", ["cats"]) == (listed["summary"], listed["description"], listed["tags"])
    assert ("vendor.listcats", "cats") == (listed["x-cap-call"], listed["x-cap-capability"])
    line = next(n for n, text in enumerate(CATS.splitlines(), 1) if "label: List cats" in text) - 2
    assert listed["x-cap-spec"].startswith(f"cats.yaml:{line}:")


def test_inputs_are_parameters(description):
    parameters = {p["name"]: p for p in description(cats=CATS)["paths"]["/v1/cats"]["get"]["parameters"]}

    assert {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "How many.",
        "schema": {"type": "integer"},
    } == parameters["limit"]
    assert ["black", "red"] == parameters["color"]["schema"]["enum"]
    assert {"type": "array", "items": {"type": "string"}} == parameters["ids"]["schema"]
    assert {"type": "object", "additionalProperties": True} == parameters["filter"]["content"]["application/json"][
        "schema"
    ]
    assert ("header", True) == (parameters["X-Tenant"]["in"], parameters["X-Tenant"]["required"])
    assert "cookie" == parameters["session"]["in"]


def test_placeholders_of_one_path_have_one_name(description):
    item = description(cats=CATS)["paths"]["/v1/cats/{cat-id}.json"]

    assert [["cat-id"]] * 3 == [[p["name"] for p in item[m]["parameters"]] for m in ("get", "put", "patch")]


def test_bodies_are_whole_or_fields_or_anything(description):
    paths = description(cats=CATS)["paths"]
    item = paths["/v1/cats/{cat-id}.json"]

    whole = paths["/v1/cats"]["post"]["requestBody"]
    assert (True, ["application/json"]) == (whole["required"], list(whole["content"]))
    assert {"required": False, "content": {"*/*": {"schema": {}}}} == item["put"]["requestBody"]
    fields = item["patch"]["requestBody"]
    assert ["application/json", "application/x-www-form-urlencoded"] == list(fields["content"])
    assert {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^[a-z]"}, "lives": {"type": ["integer", "null"]}},
        "required": ["name"],
        "additionalProperties": False,
    } == fields["content"]["application/json"]["schema"]
    assert "requestBody" not in item["get"]


def test_answers_are_untouched_or_shaped(description):
    paths = description(cats=CATS)["paths"]

    assert {"application/json": {"schema": {}}} == paths["/v1/cats"]["get"]["responses"]["2XX"]["content"]
    assert {
        "type": "object",
        "properties": {
            "name": {"type": ["string", "null"]},
            "kittens": {
                "type": ["array", "null"],
                "items": {"type": ["object", "null"], "properties": {"id": {"type": ["integer", "null"]}}},
            },
        },
    } == paths["/v1/cats/{cat-id}.json"]["get"]["responses"]["2XX"]["content"]["application/json"]["schema"]
    statuses = set(paths["/v1/cats"]["post"]["responses"])
    assert {"2XX", "400", "401", "403", "413", "415", "502", "503", "504", "default"} == statuses


def test_what_callers_must_show_is_said_without_its_value(description):
    got = description(cats=CATS)

    assert {"apikey_X-Key": {"type": "apiKey", "in": "header", "name": "X-Key"}} == got["components"]["securitySchemes"]
    assert [{"apikey_X-Key": []}] == got["paths"]["/v1/cats"]["get"]["security"]
    assert "GATE" not in json.dumps(got)


def test_what_is_left_out_is_listed_with_the_reason(description):
    left_out = description(cats=CATS)["x-cap-quarantined"]

    assert [("addcat", "POST", "duplicate-route"), ("gone", "PATCH", "dangling-call")] == [
        (one["operation"], one["method"], one["code"]) for one in left_out
    ]
    assert all(one["spec"].startswith("cats.yaml:") and one["message"] for one in left_out)


def test_a_route_that_two_capabilities_have_stands_under_their_names(description):
    got = description(cats=CATS, dogs=DOGS)

    assert {
        "/cats/v1/cats",
        "/v1/cats",
        "/v1/cats/{cat-id}.json",
        "/dogs/v1/cats",
        "/v1/dogs/{a}/{b_b}",
    } == set(got["paths"])
    assert ["post"] == [key for key in got["paths"]["/v1/cats"] if key in ("get", "post")]
    assert [("cats", "Cats: All about cats."), ("dogs", "Dogs")] == [(t["name"], t["description"]) for t in got["tags"]]
    assert "dogs.get_it" == got["paths"]["/v1/dogs/{a}/{b_b}"]["get"]["operationId"]


def test_only_what_is_shown_is_described_under_the_same_addresses(description):
    got = description("dogs", cats=CATS, dogs=DOGS)

    assert {"/dogs/v1/cats", "/v1/dogs/{a}/{b_b}"} == set(got["paths"])
    assert "securitySchemes" not in got["components"]


def test_placeholders_nobody_takes_and_odd_methods_stay_valid(made, exposures):
    exposure = made.exposure(
        made.call(path="/{x}/{x}", method="PURGE"), made.call(path="/{a}/{a}"), made.call(path="/{b}/{c}", method="PUT")
    )
    part = describe((exposure,), frozenset([exposure.key]))
    whole = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, **json.loads(msgspec.json.encode(part))}

    assert [] == list(OpenAPIV31SpecValidator(whole).iter_errors())
    assert {"/{x}/{x_2}": ["get", "put"]} == {path: list(item) for path, item in part["paths"].items()}


@pytest.mark.parametrize(
    ("type", "options", "expected"),
    [
        ("bearer", {"token": "secret"}, {"type": "http", "scheme": "bearer"}),
        ("basic", {}, {"type": "http", "scheme": "basic"}),
        ("hmac", {}, {"type": "http", "scheme": "hmac"}),
        ("apikey", {"name": "k", "value": "secret", "in": "query"}, {"type": "apiKey", "in": "query", "name": "k"}),
        ("apikey", {"header": "X-K", "key": "secret"}, {"type": "apiKey", "in": "header", "name": "X-K"}),
        ("apikey", {"headers": {"X-K": "secret"}}, {"type": "apiKey", "in": "header", "name": "X-K"}),
        ("apikey", {"headers": ["secret"]}, {"type": "apiKey", "in": "header", "name": "X-Api-Key"}),
    ],
)
def test_every_way_to_ask_a_caller_is_a_scheme(made, type, options, expected):
    exposure = made.exposure(made.call(), authentication=made.authentication(type, **options))
    part = describe((exposure,), frozenset([exposure.key]))

    assert [expected] == list(part["components"]["securitySchemes"].values())
    assert "secret" not in str(part)


def test_schemes_that_differ_have_names_that_differ(made):
    asked = [
        made.authentication("apikey", key="k", value="x", placement=place) for place in ("header", "query", "header")
    ]
    exposures = tuple(
        made.exposure(made.call(path=f"/{n}"), namespace=str(n), authentication=a) for n, a in enumerate(asked)
    )
    part = describe(exposures, frozenset(e.key for e in exposures))

    assert ["apikey_k", "apikey_k_2"] == list(part["components"]["securitySchemes"])
    used = [item["get"]["security"] for item in part["paths"].values()]
    assert [[{"apikey_k": []}], [{"apikey_k_2": []}], [{"apikey_k": []}]] == used


def test_of_unnamed_outputs_any_may_be_the_answer(made):
    outputs = (
        made.output(at=made.at, type="string", mapping="$.a"),
        made.output(at=made.at, type="object", mapping="$.b"),
        made.output(at=made.at, type="array", mapping="$.c"),
    )
    exposure = made.exposure(made.call(outputs=outputs))
    part = describe((exposure,), frozenset([exposure.key]))

    content = part["paths"]["/cats"]["get"]["responses"]["2XX"]["content"]
    assert {
        "application/json": {
            "schema": {"anyOf": [{"type": ["string", "null"]}, {}, {"type": ["array", "null"], "items": {}}]}
        }
    } == content
