"""Runs the command line: `python -m cap_core` is the same as `cap`."""

from __future__ import annotations

import sys

from cap_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
