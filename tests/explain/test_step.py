"""`cap explain` of a flow: every step, each credential masked, and results by their names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {FIRST_KEY: FIRST_KEY, SECOND_KEY: SECOND_KEY, TENANT: TENANT}}
capability:
  consumes:
  - type: http
    namespace: search
    baseUri: https://search.example
    authentication: {type: bearer, token: '{{FIRST_KEY}}'}
    resources:
    - path: /things
      operations:
      - name: find
        method: GET
        inputParameters: [{name: word, in: query}, {name: tenant, in: query, value: '{{TENANT}}'}]
  - type: http
    namespace: store
    baseUri: https://store.example
    authentication: {type: apikey, key: X-Key, value: '{{SECOND_KEY}}', placement: header}
    resources:
    - path: /things/{id}
      operations:
      - {name: paint, method: PATCH, inputParameters: [{name: color, in: body}, {name: note, in: body}]}
  exposes:
  - type: rest
    namespace: shop-rest
    port: 8080
    resources:
    - path: /paint
      operations:
      - method: PATCH
        name: paint
        steps:
        - {name: found, call: search.find, with: {word: rest.word}}
        - name: painted
          call: store.paint
          with: {id: found.thing.id, color: rest.color, note: '{{found.who}} for {{TENANT}}'}
"""
SECRETS = {"FIRST_KEY": "first-s3cret", "SECOND_KEY": "second-s3cret", "TENANT": "third-s3cret"}
Explain = Callable[..., str]


@pytest.fixture
def explain(document: Callable[..., Path]) -> Explain:
    path = document(DOCUMENT, "shop.yaml")

    def run(*words: str, **variables: str) -> str:
        command = [sys.executable, "-m", "cap_core", "explain", path.name, *words]
        clean = {name: value for name, value in os.environ.items() if name not in SECRETS}
        done = subprocess.run(
            command, cwd=path.parent, env=clean | variables, capture_output=True, text=True, timeout=60, check=False
        )
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    return run


def test_no_secret_of_any_step_is_shown(explain: Explain) -> None:
    words = ("PATCH /paint", "word=lamp", "color=red")
    for shown in (explain(*words, **SECRETS), explain(*words, "--format", "json", **SECRETS)):
        assert "***" in shown
        assert not [secret for secret in SECRETS.values() if secret in shown]


def test_every_step_is_shown_with_results_by_their_names(explain: Explain) -> None:
    told: Any = json.loads(explain("PATCH /paint", "word=lamp", "color=red", "--format", "json", **SECRETS))
    found, painted = told["steps"]

    assert ("search.find, store.paint", None) == (told["operation"], told["refused"])
    assert [("found", "search.find"), ("painted", "store.paint")] == [
        (step["name"], step["operation"]) for step in (found, painted)
    ]
    assert "/things?word=lamp&tenant=***" == found["request"]["target"]
    assert ["Authorization", "Bearer ***"] in found["request"]["headers"]
    assert "/things/(found.thing.id)" == painted["request"]["target"]
    assert ["X-Key", "***"] in painted["request"]["headers"]
    assert {"color": "red", "note": "(found.who) for ***"} == json.loads(painted["request"]["body"])
    assert (painted["request"], painted["values"]) == (told["request"], told["values"])
    origins = {value["place"]: value["source"] for value in painted["values"]}
    assert "result of step found" == origins["path id"]


def test_a_variable_of_any_step_that_is_not_set_is_why_the_call_would_be_refused(explain: Explain) -> None:
    some = {name: value for name, value in SECRETS.items() if name != "SECOND_KEY"}
    told: Any = json.loads(explain("PATCH /paint", "--format", "json", **some))

    assert ["SECOND_KEY"] == told["unset"]
    assert "SECOND_KEY is not set" in told["refused"]
    assert [None, told["refused"]] == [step["refused"] for step in told["steps"]]


def test_the_text_shows_the_steps_in_order(explain: Explain) -> None:
    lines = explain("PATCH /paint", "word=lamp", **SECRETS).splitlines()

    assert ["Step found calls search.find", "Step painted calls store.paint"] == [
        line for line in lines if line.startswith("Step ")
    ]
    assert "PATCH https://store.example/things/(found.thing.id)" in lines
