"""The YAML test suite, mapped over REST: data as the suite gives it, or a refusal of what it calls an error.

What libyaml reads otherwise is listed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from published import SHARED

SUITE = SHARED / "conformance" / "yaml"
FILES = sorted(SUITE.glob("*.yaml"))
DIFFERS = frozenset(
    [
        "2G84-2",
        "2G84-3",
        "2LFX",
        "2SXE",
        "4MUZ",
        "4MUZ-1",
        "4MUZ-2",
        "58MP",
        "5MUD",
        "5T43",
        "652Z",
        "6BCT",
        "6CA3",
        "6LVF",
        "7Z25",
        "8XYN",
        "96NN",
        "96NN-1",
        "9C9N",
        "9HCY",
        "9JBA",
        "9SA2",
        "A2M4",
        "BEC7",
        "CVW2",
        "DBG4",
        "DK3J",
        "DK95",
        "DK95-1",
        "DK95-2",
        "DK95-5",
        "DK95-7",
        "DK95-8",
        "EB22",
        "FP8R",
        "G5U8",
        "HM87",
        "HM87-1",
        "HWV9",
        "JEF9-2",
        "K3WX",
        "L24T-1",
        "M7A3",
        "MUS6",
        "MUS6-1",
        "MUS6-2",
        "MUS6-3",
        "MUS6-4",
        "NJ66",
        "Q5MG",
        "QB6E",
        "QT73",
        "R4YG",
        "RHX7",
        "S98Z",
        "SU5Z",
        "UT92",
        "W4TN",
        "W5VH",
        "X4QW",
        "Y2GN",
        "Y79Y-2",
        "Y79Y-3",
        "YJV2",
    ]
)
"""What libyaml reads otherwise: it refuses some that are right, such as tabs as separation or `?x` as text, and takes some
that are wrong."""
NOTHING = object()


def shown(text: str) -> str:
    """A text of the suite, which shows white space by signs, as it is."""
    text = re.sub("—*»", "\t", text.replace("␣", " ")).replace("←", "\r").replace("⇔", "\ufeff").replace("↵", "")
    return text.removesuffix("∎\n")


def cases() -> Iterator[Any]:
    for path in FILES:
        before: dict[str, Any] = {}
        for number, one in enumerate(yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)):
            if one.get("skip"):
                continue
            before = {name: before[name] for name in ("yaml", "json", "fail") if name in before} | one
            id = f"{path.stem}-{number}" if number else path.stem
            yield pytest.param(id, shown(before["yaml"]), before.get("json"), bool(before.get("fail")), id=id)


CASES = list(cases())


@pytest.mark.skipif(not CASES, reason=f"the YAML test suite is not there ({SUITE})")
@pytest.mark.parametrize(("id", "text", "data", "fails"), CASES)
def test_it_is_read_as_the_suite_says(serving: Any, id: str, text: str, data: str | None, fails: bool) -> None:
    answer = serving.answer("yaml", text, "application/yaml")
    assert answer.status_code in (200, 502), answer.text
    if answer.status_code == 502:
        assert "urn:cap:problem:upstream-malformed" == answer.json()["type"]
        got: object = NOTHING
    else:
        got = answer.json()["all"] if answer.content else None
    if fails:
        same = got is NOTHING
    elif data is None:
        same = True
    else:
        same = got == (json.JSONDecoder().raw_decode(data.lstrip())[0] if data.strip() else None)

    assert same == (id not in DIFFERS), (got, data)
