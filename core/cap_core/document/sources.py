"""Finds capability documents on disk: by path, by directory, by installed name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from cap_core.errors import ConfigError
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.syntax.names import near

SUFFIXES = (".yaml", ".yml")

RESERVED = frozenset({"mcp", "health", "docs", "metrics", "openapi.json", ".well-known"})
"""First path segments of the gateway's own pages; no capability can have such a name."""


class DocumentSource(msgspec.Struct, frozen=True):
    """A document to compile. Messages name it by `file`; addresses and the command line by `name`."""

    name: str
    file: str
    path: Path
    defaults: Mapping[str, str] = {}


def locate(
    names: Sequence[str], installed: Sequence[CapabilitySource], *, together: bool = True
) -> tuple[DocumentSource, ...]:
    """The documents that these paths, directories and installed names stand for; all installed ones without names.

    Raises `ConfigError` for a name that is none of these and, if the documents are served `together`, for two documents
    of one name.
    """
    found = (
        [source for name in names for source in _one(name, installed)] if names else [_packaged(c) for c in installed]
    )
    if not found:
        what = "no capability is installed" if not names else "no document found"
        raise ConfigError(what, hint="name a document, or install a package of capabilities")
    unique = {source.path.resolve(): source for source in found}
    if together:
        _same_names(unique.values())
    return tuple(unique.values())


def _one(name: str, installed: Sequence[CapabilitySource]) -> list[DocumentSource]:
    path = Path(name)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
        if not files:
            raise ConfigError(f"{name} holds no *.yaml or *.yml file", hint="name a directory of documents")
        return [DocumentSource(file.stem, str(file), file) for file in files]
    if path.is_file():
        return [DocumentSource(path.stem, name, path)]
    for source in installed:
        if source.name == name:
            return [_packaged(source)]
    known = [source.name for source in installed]
    hint = near(name, known) or "name a file, a directory, or a capability that 'cap list' shows"
    raise ConfigError(f"{name!r} is no file, no directory and no installed capability", hint=hint)


def _packaged(source: CapabilitySource) -> DocumentSource:
    # The package and the file identify it; the path of site-packages adds nothing.
    file = "/".join(source.document.parts[-3:])
    return DocumentSource(source.name, file, source.document, source.defaults)


def _same_names(sources: Iterable[DocumentSource]) -> None:
    seen: dict[str, DocumentSource] = {}
    for source in sources:
        if source.name in RESERVED:
            what = f"{source.file} would be called {source.name!r}, where the gateway's own pages live"
            raise ConfigError(what, hint="rename the file")
    for source in sources:
        if source.name in seen:
            what = f"{seen[source.name].file} and {source.file} would both be called {source.name!r}"
            raise ConfigError(what, hint="rename one of the files")
        seen[source.name] = source
