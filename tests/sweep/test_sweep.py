"""Every operation of every published document sends what the document says, and nothing where it refuses.

The documents are read a second time by an oracle (`oracle/`) that has nothing of the engine. Requests go through real
servers: the gateway, and an upstream that records what arrives.
"""

from __future__ import annotations

import contextlib
import os

import pytest
from oracle.upstream import Expected
from sweeping.comparing import differences
from sweeping.corpus import Known, portions, published
from sweeping.sweep import Sweep

from cap_core.errors import CapError
from cap_core.logging import redaction
from cap_core.testing import Recorded, gateway, upstream
from published import CORPUS, OWN

PORTIONS = 14
SHOWN = 40
FEW = 0.01
"""The manifest's program overlooks that nothing of some documents is live; they are no more than this."""


@pytest.fixture(scope="module")
def documents():
    if not (CORPUS / "manifest.jsonl").is_file():
        pytest.skip("the published documents are not beside the checkout (corpus/manifest.jsonl)")
    limit = int(os.environ.get("CAP_SWEEP_DOCUMENTS", "0"))
    return published(CORPUS)[: limit or None]


@pytest.fixture(scope="module")
def live(documents):
    return portions([one for one in documents if one.live], PORTIONS)


@contextlib.contextmanager
def sweeping(some, known, *, modern=False, values=None):
    """A gateway for some documents, an upstream behind all they consume, and a sweep of them."""
    with upstream() as api, sweep_of(some, known, api, bases(some, known, api), modern=modern, values=values) as sweep:
        yield sweep


def bases(some, known, api):
    """The upstream, below the path that each base address has."""
    entries = [(one.name, entry) for one in some for entry in reversed(one.document.entries)]
    return {f"{name}:{entry.namespace}": api.url + known.base(entry) for name, entry in entries}


@contextlib.contextmanager
def sweep_of(some, known, api, base_uris, *, modern, values):
    """A gateway for some documents, and a sweep of them."""
    redaction.forget()  # a value of another test, such as "open", would be masked in the names of variables
    with gateway(*(one.path for one in some), base_uris=base_uris, values=values) as cap:
        sweep = Sweep(cap, api, known, modern=modern)
        with contextlib.closing(sweep.client):
            yield sweep
    print(dict(sorted(sweep.tally.counts.items())))
    faults = sweep.tally.faults
    assert not faults, f"{len(faults)} faults:\n" + "\n".join(faults[:SHOWN])


def sources(some):
    """Every variable of the environment that documents declare, with the name they give it."""
    return [(s, name) for one in some for keys in one.document.binds.values() for name, s in keys.items()]


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_what_is_sent_is_what_the_document_says(live, portion, monkeypatch):
    sweep_all(live[portion], monkeypatch, modern=portion % 2 == 0)


@pytest.mark.parametrize("modern", [False, True])
def test_what_is_sent_is_what_our_own_documents_say(modern, monkeypatch):
    sweep_all(published(OWN), monkeypatch, modern=modern)


def sweep_all(some, monkeypatch, *, modern):
    """Every operation of some documents, while all variables are set."""
    known = Known(given=frozenset(name for one in some for name in one.undeclared))
    for source, name in sources(some):
        monkeypatch.setenv(source, known[name])
    with sweeping(some, known, modern=modern, values={name: known[name] for name in known.given}) as sweep:
        for one in some:
            sweep.everything(one)
    assert len(some) == sweep.tally.counts["documents"]


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_what_is_not_set_is_not_sent(live, portion, monkeypatch):
    sweep_unset(live[portion], monkeypatch, modern=portion % 2 == 1)


@pytest.mark.parametrize("modern", [False, True])
def test_what_is_not_set_is_not_sent_by_our_own_documents(modern, monkeypatch):
    sweep_unset(published(OWN), monkeypatch, modern=modern)


def sweep_unset(some, monkeypatch, *, modern):
    """Every operation of some documents, while no variable is set."""
    for source, _ in sources(some):
        monkeypatch.delenv(source, raising=False)
    with sweeping(some, Known(), modern=modern) as sweep:
        for one in some:
            sweep.unset(one)
    assert len(some) == sweep.tally.counts["documents"]


def test_a_variable_of_the_base_address_leads_where_it_says(live, monkeypatch):
    some = list({one.name: one for portion in live for one in portion if one.hosts}.values())
    with upstream() as api:
        hosts = dict.fromkeys((name for one in some for name in one.hosts), api.url)
        known = Known(frozenset(name for one in some for name in one.undeclared), hosts)
        for source, name in sources(some):
            monkeypatch.setenv(source, known[name])
        values = {name: known[name] for name in known.given}
        with sweep_of(some, known, api, {}, modern=True, values=values) as sweep:
            for one in some:
                sweep.everything(one)
    assert some


def test_a_document_with_nothing_live_is_refused(documents):
    dead = [one for one in documents if not one.live]
    for one in dead:
        with pytest.raises(CapError), gateway(one.path):
            pass
    assert len(dead) <= len(documents) * FEW


def test_no_operation_of_the_manifest_is_overlooked(documents):
    for one in [*documents, *published(OWN)]:
        rest = [exposed for exposed in one.document.exposed if exposed.method]
        assert one.counted == (len(rest), len(one.document.exposed) - len(rest)), one.path


def test_every_document_of_the_manifest_is_in_one_portion(documents, live):
    assert sorted(one.path for one in documents if one.live) == sorted(one.path for some in live for one in some)


EXPECTED = Expected("POST", ["", "a"], [("q", "1"), ("key", "s3cr3t-key")], {}, "json", {"a": 1})
EXPECTED.secrets.append(("query", "key", "s3cr3t-key"))
ASKED = b"/a?q=1&key=s3cr3t-key"


@pytest.mark.parametrize(
    ("target", "body", "wrong"),
    [
        (ASKED, b'{"a": 1}', False),
        (b"/a?q=1&key=s3cr3t-key&key=s3cr3t-key", b'{"a": 1}', True),
        (b"/a?q=1&q=1&key=s3cr3t-key", b'{"a": 1}', True),
        (b"/a?key=s3cr3t-key&q=1", b'{"a": 1}', True),
        (ASKED, b'{"a": 1, "key": "s3cr3t-key"}', True),
        (ASKED, b'{"a": 1, "a": 1}', True),
        (ASKED, b'{"a": true}', True),
        (b"a?q=1&key=s3cr3t-key", b'{"a": 1}', True),
    ],
)
def test_what_is_sent_twice_or_elsewhere_is_seen(target, body, wrong):
    got = Recorded("POST", target, ((b"accept-encoding", b"identity"),), body)

    assert wrong == bool(differences(EXPECTED, got))


def test_a_credential_that_a_body_supplies_is_there_once():
    expected = Expected("POST", ["", "a"], [], {}, "json", {"key": "s3cr3t-key"})
    expected.secrets.append(("body", "key", "s3cr3t-key"))
    given = ((b"accept-encoding", b"identity"),)

    assert [] == differences(expected, Recorded("POST", b"/a", given, b'{"key":"s3cr3t-key"}'))
    assert differences(expected, Recorded("POST", b"/a", given, b'{"key":"s3cr3t-key","b":{"key":"x"}}'))
    assert differences(expected, Recorded("POST", b"/a?x=s3cr3t-key", given, b'{"key":"s3cr3t-key"}'))


def test_a_key_of_yaml_that_is_no_text_is_seen():
    expected = Expected("POST", ["", "a"], [], {}, "yaml", {"true": 1})
    given = ((b"accept-encoding", b"identity"),)

    assert [] == differences(expected, Recorded("POST", b"/a", given, b'"true": 1\n'))
    assert differences(expected, Recorded("POST", b"/a", given, b"true: 1\n"))
