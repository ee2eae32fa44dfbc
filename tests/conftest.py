"""What most tests need: the published documents, where they are, and documents written on the spot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("CAP_SHARED", ROOT.parent / "shared"))


@pytest.fixture
def seed() -> Callable[[str], Path]:
    """A seed document by name; skips where the published documents are absent."""

    def find(name: str) -> Path:
        path = SHARED / "seeds" / f"{name}.yaml"
        if not path.is_file():
            pytest.skip(f"the published documents are not beside the checkout ({path.parent.name}/{path.name})")
        return path

    return find


@pytest.fixture
def document(tmp_path: Path) -> Callable[..., Path]:
    """Write a document and give its path."""

    def write(text: str, name: str = "things.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
