"""`binds` with `location: file:…`: a JSON, YAML or dotenv file of names and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from cap_core.errors import CapError, OptionError, SpecError
from cap_core.logging.secret import Secret
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.plugins.hookspecs import hookimpl
from cap_core.syntax.dotenv import read_dotenv
from cap_core.syntax.yaml_tree import MAX_BYTES, Map, Node, Seq, load_first


class File(msgspec.Struct, frozen=True):
    """A file of values; read each time the gateway opens."""

    path: Path

    def describe(self, name: str) -> str:
        """Name the file and the key in it."""
        return f"{name} in {self.path.name}"

    async def fetch(self, names: frozenset[str]) -> Mapping[str, Secret]:
        """The values of these names. Raises `CapError` for a file that is not of the format of its suffix."""
        values = _read(self.path, names)
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


def _read(path: Path, names: Iterable[str]) -> Mapping[str, str]:
    """The values that the file has for these names; what else stands in it is not even written out."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CapError(f"the file of bindings {path.name} has more than {MAX_BYTES} bytes", hint="split it")
        text = path.read_text("utf-8-sig")
        if path.suffix == ".json":
            return _values(msgspec.json.decode(text), names)
        if path.suffix in (".yaml", ".yml"):
            return _values(_asked(load_first(text.encode()), names), names)
    except (OSError, ValueError, RecursionError, SpecError) as error:
        # The parser's own message may quote a value, so only the kind of failure is reported.
        what = "cannot be read" if isinstance(error, OSError) else "is not what its name says"
        if isinstance(error, SpecError) and error.code == "too-large":
            what = f"takes too much to read: {error.what}"
        raise CapError(f"the file of bindings {path.name} {what}", hint="correct the file") from None
    return {name: value for name, (value, _) in read_dotenv(text, path.name).items()}


def _asked(root: Node, names: Iterable[str]) -> object:
    """The values of these names in a YAML file, every scalar in them as it is spelled."""
    if not isinstance(root, Map):
        return None
    spelling = _Spelling()
    return {name: spelling.of(node) for name in names if (node := root.get(name)) is not None}  # type: ignore[call-overload]  # a scalar is a string


class _Spelling:
    """YAML as lists, objects and texts; a text counts as often as aliases repeat it."""

    def __init__(self) -> None:
        self._size = 0

    def of(self, node: Node) -> object:
        if isinstance(node, Map):
            return {str(key): self.of(item) for key, item in node.items()}
        if isinstance(node, Seq):
            return [self.of(item) for item in node]
        self._size += len(node)
        if self._size > MAX_BYTES:
            raise ValueError("its aliases make it too large")
        return str(node)


def _values(data: object, names: Iterable[str]) -> Mapping[str, str]:
    if not isinstance(data, dict):
        raise ValueError("not a mapping")
    found = {name: data[name] for name in names if data.get(name) is not None}
    return {k: v if isinstance(v, str) else msgspec.json.encode(v).decode() for k, v in found.items()}


@hookimpl
def cap_bindings() -> list[BindingResolver]:
    """Offer files."""
    return [BindingResolver(key="file", parse=parse, local=True)]
