"""Finds the files that a document names, below its own directory or below one that the operator allows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cap_core.errors import OptionError


def find(option: str, named: str, directories: Iterable[Path], allowed: Iterable[Path] = ()) -> Path:
    """The file of this name below the first directory that has it, with links resolved.

    Files below `allowed` may be named too. Raises `OptionError` for a file that is not there or lies elsewhere.
    """
    directories = tuple(directories)
    roots = [root.resolve() for root in (*directories, *allowed)]
    outside = False
    for directory in directories:
        found = (directory / named).resolve()
        if not found.is_file():
            continue
        if any(found.is_relative_to(root) for root in roots):
            return found
        outside = True
    if outside:
        raise OptionError(option, f"{named!r} lies outside the document's directory", "--allow-files DIR")
    raise OptionError(option, f"there is no file {named!r} beside the document")
