"""Each key has an effect that a user notices; without the key, the same look sees something else.

The cases are in the modules beside this one. Each is looked at in both families of dialects where they differ, and under
every other spelling of its key: once as it is, and once with nothing but that key deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cap_core.document.dialects import ALIASES, RENAMED
from cap_core.plugins import loader
from keys.accepted import accepted
from keys.case import Case, named, put, remove
from keys.cases import CASES
from keys.families import spelled
from keys.page import ROWS, SECTIONS
from keys.seen import NotServed, Seen, World, world

VARIANTS = {variant.name: variant for case in CASES for variant in spelled(case)}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    on_interrupt = signal.getsignal(signal.SIGINT)  # which `cap` leaves to the system
    kept = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("CAP_")]:
        del os.environ[name]
    os.environ["KEYS_TOKEN"] = "s3cret"
    directory = tmp_path_factory.mktemp("keys")
    with contextlib.chdir(directory), world(directory) as it:
        yield it
    os.environ.clear()
    os.environ.update(kept)
    signal.signal(signal.SIGINT, on_interrupt)


def observed(case: Case, document: Any, here: World) -> object:
    """What is seen of a document; that it is refused is something to see too."""
    path = written(document, case.files, here)
    here.answer = case.answer
    try:
        return case.sees(Seen(here, path))
    except NotServed as why:
        return f"not served: {str(why).partition(': ')[2]}"


def written(document: Any, files: Mapping[str, str | bytes], here: World) -> Path:
    """A document on disk, with the files beside it."""
    for name, content in files.items():
        (here.directory / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    path = here.directory / "things.yaml"
    path.write_text(json.dumps(document).replace("UPSTREAM", here.api.url))
    return path


def shows(case: Case, document: Any, here: World) -> None:
    expected, seen = case.expected, observed(case, document, here)
    assert expected == seen


@pytest.mark.parametrize("name", VARIANTS)
def test_a_key_does_what_is_said_of_it_and_nothing_else_does(name: str, here: World) -> None:
    variant = VARIANTS[name]
    document = variant.document()
    shows(variant.case, document, here)

    remove(document, variant.path)
    with pytest.raises(AssertionError):
        shows(variant.case, document, here)


def test_every_key_that_is_accepted_has_a_case() -> None:
    everything = loader.load()
    vendors = frozenset(plugin.name for plugin in everything.plugins if plugin.distribution != "cap-core")
    registry = loader.load(block=vendors)
    assert set() == set(accepted(registry)) - {case.key for case in CASES}, "keys without a case"
    assert set() == {case.key for case in CASES} - set(accepted(registry)), "cases of keys that nothing accepts"


def test_every_key_has_its_line_on_the_page() -> None:
    assert {place for places in SECTIONS.values() for place in places} == {row.place for row in ROWS}
    assert {case.key for case in CASES} == {case.key for case in CASES if case.does}


def test_every_case_has_a_name_of_its_own() -> None:
    assert len(VARIANTS) == sum(1 for case in CASES for _ in spelled(case))


def mappings(node: Any, path: str = "") -> Iterator[str]:
    """The place of every mapping of keys in a document."""
    if isinstance(node, dict):
        yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, below in items:
        own = isinstance(below, dict) and key in ("keys", "with", "headers", "data")  # names, not keys
        if not own:
            yield from mappings(below, f"{path}.{key}".lstrip("."))


def nonsense() -> Iterator[Any]:
    """For each mapping that some case has, a document with a key in it that nothing knows."""
    seen = set()
    for case in CASES:
        document = case.document
        for path in mappings(document):
            place = named(document, path) if path else ""
            if place not in seen:
                seen.add(place)
                put(document, f"{path}.nonsense".lstrip("."), "x")
                yield pytest.param(place, document, case.files, id=place or "root")
                document = case.document


@pytest.mark.parametrize(("place", "document", "files"), list(nonsense()))
def test_a_key_that_nothing_knows_is_told(
    place: str, document: Any, files: Mapping[str, str | bytes], here: World
) -> None:
    seen = Seen(here, written(document, files, here))
    said = seen.cap("check")
    if "authentication" in place:  # what callers have to show is looked at when it is served
        said += refusal(seen)
    # Below a key that is not acted upon, it is that one of which something is said.
    above = [re.sub(r"\W+$", "", part) for part in place.split(".")[-2:]]
    unread = [line for line in said.splitlines() if "[not-built-" in line or "[not-acted-on]" in line]
    above = [re.sub("Templates$", "", key) for key in above]  # resources, in the message about both
    assert "nonsense" in said or any(key and key in line for line in unread for key in above), said


def refusal(seen: Seen) -> str:
    try:
        seen.rest("GET", "/things")
    except NotServed as why:
        return str(why)
    return ""


def test_every_other_spelling_has_a_case() -> None:
    assert {*ALIASES, *RENAMED} == {variant.spelling for variant in VARIANTS.values()} - {""}
