"""Where the published documents are: beside the checkout, or where CAP_SHARED says."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("CAP_SHARED", ROOT.parent / "shared"))
CORPUS = SHARED / "corpus"
OWN = ROOT / "tests" / "corpus" / "own"
"""A few documents of our own beside a manifest like theirs, for where the published ones are absent."""
