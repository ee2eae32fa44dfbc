"""What is printed for published documents changes only where a change meant it."""

from __future__ import annotations

import pytest
from digests import DOCUMENTS, committed, current


def test_every_published_document_gives_the_lines_it_gave() -> None:
    if not DOCUMENTS.is_dir():
        pytest.skip("the published documents are not beside the checkout")
    now, before = current(), committed()
    changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))

    assert [] == changed, "compare 'cap check' before and after, then: python tests/corpus/digests.py --write"
