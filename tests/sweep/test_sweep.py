"""Every operation of every published document sends what the document says, and nothing where it refuses.

The documents are read a second time by an oracle (`oracle/`) that has nothing of the engine. Requests go through real
servers: the gateway, and an upstream that records what arrives.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from pathlib import Path

import pytest

from cap_core.errors import CapError
from cap_core.testing import gateway, upstream
from corpus import base_path, portions, published, secret
from sweeping import Sweep

CORPUS = Path(os.environ.get("CAP_SHARED", Path(__file__).parents[3] / "shared")) / "corpus"
PORTIONS = 14
SHOWN = 40

TOTAL: Counter[str] = Counter()


@pytest.fixture(scope="module")
def documents():
    if not (CORPUS / "manifest.jsonl").is_file():
        pytest.skip("the published documents are not beside the checkout (corpus/manifest.jsonl)")
    found = published(CORPUS)
    limit = int(os.environ.get("SWEEP_LIMIT", "0"))
    return found[:limit] if limit else found


def test_a_document_with_nothing_live_is_refused(documents):
    dead = [one for one in documents if not one.live]
    for one in dead:
        with pytest.raises(CapError), gateway(one.path):
            pass
    assert len(dead) < len(documents) / 100


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_what_is_sent_is_what_the_document_says(documents, portion, monkeypatch):
    some = portions([one for one in documents if one.live], PORTIONS)[portion]
    for one in some:
        for keys in one.document.binds.values():
            for name, source in keys.items():
                monkeypatch.setenv(source, secret(name))
    given = frozenset(name for one in some for name in one.undeclared)
    values = {name: secret(name.rpartition(".")[2]) for name in given}
    with upstream() as api:
        bases = {
            f"{one.name}:{e.namespace}": api.url + base_path(e) for one in some for e in reversed(one.document.entries)
        }
        with gateway(*(one.path for one in some), base_uris=bases, values=values) as cap:
            sweep = Sweep(cap, api, given, modern=portion % 2 == 0)
            with contextlib.closing(sweep.client):
                for one in some:
                    sweep.document(one)
    TOTAL.update(sweep.tally.counts)
    print(dict(sweep.tally.counts))
    faults = sweep.tally.faults
    dump = os.environ.get("SWEEP_FAULTS")
    if dump:
        with open(dump, "a") as out:
            out.writelines(f"{fault}\n" for fault in faults)
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:SHOWN])
