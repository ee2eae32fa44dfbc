"""What is said about settings that are accepted, and perhaps not what was meant."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from cap_core.settings.rows import rows
from cap_core.settings.table import Settings
from cap_core.syntax.names import closest

PREFIX = "CAP_"


def notices(settings: Settings) -> Iterator[str]:
    """Lines about files and variables; what nobody can have mistaken for a setting is not among them."""
    for path in settings.unread:
        yield f"{path} lies beside documents and is not read; if it is yours, name it with --config"
    for name in settings.unknown:
        if setting := _resembled(name):
            yield f"the variable {name} is no setting; did you mean {setting!r}?"
    dotenv = settings.env_file
    if dotenv is not None and _is_open(dotenv):
        yield f"{dotenv} can be read by every user of this machine, and may hold secrets; chmod 600 {dotenv}"


def unknown_variables(settings: Settings, read: Iterable[str]) -> Iterator[str]:
    """A line for each variable that looks like a setting, resembles none, and is not `read` by a document either."""
    known = {*read}
    for name in settings.unknown:
        if name not in known and not _resembled(name):
            yield f"the variable {name} is no setting, and nothing here reads it; 'cap config' shows what there is"


def _resembled(name: str) -> str | None:
    """The variable of a setting that another one may be a misspelling of."""
    found = closest(name.removeprefix(PREFIX), {row.variable.removeprefix(PREFIX) for row in rows()})
    return found and PREFIX + found


def _is_open(path: Path) -> bool:
    if os.name != "posix":
        return False
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False  # what reads it says why it cannot
