"""When two spellings are one name."""

from __future__ import annotations

import re
from collections.abc import Iterable


def norm(name: str) -> str:
    """Lower-case letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def match(name: str, among: Iterable[str]) -> str | None:
    """The same name among others: exactly, else by its letters and digits if only one has them."""
    others = list(dict.fromkeys(among))
    if name in others:
        return name
    alike = [other for other in others if norm(other) == norm(name) and norm(name)]
    return alike[0] if len(alike) == 1 else None


ALLOWED = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def aliases(names: Iterable[str]) -> dict[str, str]:
    """How MCP clients see inputs whose names they would refuse."""
    names = list(names)
    taken = {name for name in names if ALLOWED.fullmatch(name)}
    out = {}
    for name in names:
        if name in taken:
            out[name] = name
            continue
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name).strip("_")[:64] or "_"
        alias, n = plain, 2
        while alias in taken:
            alias, n = f"{plain}_{n}", n + 1
        taken.add(alias)
        out[name] = alias
    return out
