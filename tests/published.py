"""Where the published documents are: beside the checkout, or where CAP_SHARED says."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("CAP_SHARED", ROOT.parent / "shared"))
CORPUS = SHARED / "corpus"
