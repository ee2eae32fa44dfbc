"""What `cap check` prints for each published document, as digests: a change of any of its lines shows.

    python tests/corpus/digests.py --write     # after a change that was meant

The digests are of the lines with the operation that each is about, and with places below the corpus. The lines
themselves are not kept here: with a document at hand, `cap check` shows them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource, locate
from cap_core.plugins import loader
from published import CORPUS

COMMITTED = Path(__file__).with_name("digests.json")
DOCUMENTS = CORPUS / "documents"


def current() -> dict[str, str]:
    """The digest of each document, by its path below the corpus."""
    registry = loader.load()
    found = {}
    for source in locate([str(DOCUMENTS)], (), together=False):
        name = source.path.relative_to(DOCUMENTS).as_posix()
        here = DocumentSource(source.name, name, source.path)
        compiled = compile_source(here, registry, CompileOptions())
        lines = "\n".join(f"{one} [{one.operation}]" for one in compiled.diagnostics)
        found[name] = hashlib.sha256(lines.encode()).hexdigest()[:16]
    return found


def committed() -> Mapping[str, str]:
    """The digests of the last change that was meant."""
    known: dict[str, str] = json.loads(COMMITTED.read_text("utf-8"))
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="make what is printed now the committed digests")
    arguments = parser.parse_args()
    now = current()
    if arguments.write:
        COMMITTED.write_text(json.dumps(now, indent=0, sort_keys=True) + "\n", "utf-8")
    before = committed()
    for name in sorted(now.keys() | before.keys()):
        if now.get(name) != before.get(name):
            print(name)


if __name__ == "__main__":
    main()
