"""The OpenAPI document says what the gateway does: Schemathesis generates requests from it and judges the answers.

`CAP_FUZZ_EXAMPLES` makes it generate more of them for each operation.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import Serving
from published import CORPUS, SHARED

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("CAP_FUZZ_EXAMPLES", "5")
SEEDS = ("aimlapi-threads-runs.yaml", "portkey-assistants.yaml", "portkey-batch.yaml")
PUBLISHED = (
    "amazon-detective/security-investigation.yaml",
    "azure-devops/devops-project-management.yaml",
    "dynatrace/incident-response.yaml",
    "kvdb/kvdb-capability.yaml",
    "oracle/cloud-compute.yaml",
    "plausible/plausible-capability.yaml",
    "productiv/saas-management.yaml",
    "scalr/infrastructure-as-code.yaml",
    "snowflake/integrations-and-connectors.yaml",
    "stack-overflow/developer-knowledge-management.yaml",
)
NOT_OURS = (
    "positive_data_acceptance",  # what the upstream makes of a request that is as described is its own affair
    # The judge takes an address of two templates (`/events/{id}`, `/events/ingest`) for one with the methods of one of
    # them, and a method that is left out (501) for one that does not exist.
    "allow_header_conformance",
)
DOCUMENTS = [*(SHARED / "seeds" / name for name in SEEDS), *(CORPUS / "documents" / name for name in PUBLISHED)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_what_the_description_promises_holds(document: Path, serving: Serving, tmp_path: Path) -> None:
    if not document.exists():
        pytest.skip("the published documents are not beside the checkout (CAP_SHARED)")
    report = tmp_path / "report.ndjson"
    with serving(document, "--sandbox", "--port", "0") as process:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{process.url}/openapi.json"]
        command += ["--checks", "all", "--exclude-checks", ",".join(NOT_OURS), "--phases", "examples,coverage,fuzzing"]
        command += ["--max-examples", EXAMPLES, "--seed", "1", "--continue-on-failure", "--no-shrink"]
        command += ["--suppress-health-check", "all", "--report", "ndjson", "--report-ndjson-path", str(report)]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    events = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    judged = list(_judged(events))
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    assert len(judged) > 10, ran.stdout
    assert [one for one in judged if one] == []


def _judged(events: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each check of each request: what failed and is ours, else nothing."""
    for event in events:
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        for key, checks in recorder.get("checks", {}).items():
            case, interaction = recorder["cases"][key]["value"], recorder["interactions"][key]
            for check in checks:
                failed = check["status"] == "failure" and not _excused(case, check, interaction)
                yield f"{_shown(case, interaction)}: {check['failure_info']['failure']['message']}" if failed else ""


def _excused(case: dict[str, Any], check: dict[str, Any], interaction: dict[str, Any]) -> bool:
    """What the judge cannot know: why it is no fault of the gateway's."""
    if check["name"] in ("unsupported_method", "not_a_server_error"):
        # An operation that is left out answers 501 with the reason; it is not described.
        return b"urn:cap:problem:not-served" in _text(interaction["response"]["content"])
    message = check["failure_info"]["failure"]["message"]
    # A form has no types: one value is a list of one, and "0" is a text.
    typeless = case.get("media_type") == "application/x-www-form-urlencoded" and "ncorrect type" in message
    # The judge's own client fills this header when the case leaves it out.
    return typeless or "User-Agent" in message


def _text(encoded: dict[str, str] | None) -> bytes:
    return base64.b64decode(encoded["$base64"]) if encoded else b""


def _shown(case: dict[str, Any], interaction: dict[str, Any]) -> str:
    request, response = interaction["request"], interaction["response"]
    sent = f"{case['method']} {request['uri']} {_text(request['body'])[:300]!r}"
    return f"{sent} -> {response['status_code']} {_text(response['content'])[:300]!r}"
