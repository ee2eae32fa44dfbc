"""Path templates: text and placeholders."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}|\{\s*([^{}]+?)\s*\}")


@dataclass(frozen=True)
class Hole:
    """A placeholder; `double` where it is written {{x}}."""

    name: str
    double: bool


def parse(path: str) -> list[str | Hole]:
    """The pieces of a path template."""
    out: list[str | Hole] = []
    end = 0
    for found in _HOLE.finditer(path):
        if found.start() > end:
            out.append(path[end : found.start()])
        out.append(Hole(found[1] or found[2], bool(found[1])))
        end = found.end()
    if end < len(path):
        out.append(path[end:])
    return out


def holes(path: str) -> list[str]:
    """The names of a path's placeholders."""
    return list(dict.fromkeys(piece.name for piece in parse(path) if isinstance(piece, Hole)))


def balanced(path: str) -> bool:
    """Whether no brace stands alone."""
    return not any("{" in piece or "}" in piece for piece in parse(path) if isinstance(piece, str))


def shape(path: str) -> str:
    """The path without the names of its placeholders."""
    return "".join("{}" if isinstance(piece, Hole) else piece for piece in parse(path))


def joined(resource: str, own: str) -> str:
    """A resource's path with that of one of its operations."""
    if not own:
        return resource
    if own.startswith(resource) and (own[len(resource) :][:1] in ("", "/", "(", ":", "?") or resource.endswith("/")):
        return own
    return resource.rstrip("/") + "/" + own.lstrip("/") if own[:1] not in "?(:" else resource + own
