"""`binds` with `location: file:…`: a JSON, YAML or dotenv file of names and values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
import yaml

from cap_core.errors import CapError, OptionError
from cap_core.logging.secret import Secret
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.plugins.hookspecs import hookimpl
from cap_core.syntax.dotenv import read_dotenv


class File(msgspec.Struct, frozen=True):
    """A file of values; read each time the gateway opens."""

    path: Path

    def describe(self, name: str) -> str:
        """Name the file and the key in it."""
        return f"{name} in {self.path.name}"

    async def fetch(self, names: frozenset[str]) -> Mapping[str, Secret]:
        """The values of these names. Raises `CapError` for a file that is not of the format of its suffix."""
        values = _read(self.path)
        return {name: Secret(values[name], self.describe(name)) for name in names if values.get(name)}


class Missing(msgspec.Struct, frozen=True):
    """A file that does not exist: its values are not set. It may exist when the gateway opens again."""

    name: str

    def describe(self, name: str) -> str:
        """Name the key and the file that would have it."""
        return f"{name} in {self.name} (there is no such file)"

    async def fetch(self, names: frozenset[str]) -> Mapping[str, Secret]:
        """Nothing."""
        return {}


def parse(location: str, at: BindContext) -> File | Missing:
    """Find the file below the document's directory, then below the working directory where that counts
    (`docs/semantics.md`, files), after resolving links.

    Raises `OptionError` for a file that lies elsewhere (`--allow-files`). If the file does not exist, its names have no
    values, and the document is valid all the same.
    """
    parts = urlsplit(location)
    # file:./x, file://./x, file:///./x and file:///x all mean a path below the document's directory; `localhost` is the
    # empty host (RFC 8089).
    host = "" if parts.netloc.lower() == "localhost" else parts.netloc
    relative = unquote(host + parts.path).lstrip("/")
    if not relative:
        raise OptionError("location", f"{location!r} names no file")
    outside = False
    for candidate in (*(directory / relative for directory in at.directories), Path("/") / relative):
        resolved = candidate.resolve()
        if not resolved.is_file():
            continue
        if any(resolved.is_relative_to(root.resolve()) for root in (*at.directories, *at.allowed)):
            return File(resolved)
        outside = True
    if outside:
        what = f"the file {unquote(host + parts.path)!r} lies outside the document's directory"
        raise OptionError("location", what, "allow its directory with --allow-files DIR")
    return Missing(relative)


def _read(path: Path) -> Mapping[str, str]:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".json":
            return _flat(msgspec.json.decode(text))
        if path.suffix in (".yaml", ".yml"):
            return _flat(yaml.load(text, yaml.CBaseLoader))  # noqa: S506  (the base loader makes text alone)
    except (OSError, ValueError, yaml.YAMLError) as error:
        # The parser's own message may quote a value, so only the kind of failure is reported.
        what = "cannot be read" if isinstance(error, OSError) else "is not what its name says"
        raise CapError(f"the file of bindings {path.name} {what}", hint="correct the file") from None
    return {name: value for name, (value, _) in read_dotenv(text, path.name).items()}


def _flat(data: object) -> Mapping[str, str]:
    if not isinstance(data, dict):
        raise ValueError("not a mapping")
    return {
        str(k): v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in data.items() if v is not None
    }


@hookimpl
def cap_bindings() -> list[BindingResolver]:
    """Offer files."""
    return [BindingResolver(key="file", parse=parse, local=True)]
