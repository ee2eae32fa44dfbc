"""Finds the effective settings: flags override variables, these override `cap.toml`, and that the defaults.

Every layer is read into the same flat form, a value and its origin by path (`("port",)`, `("set", "NAME")`,
`("upstreams", "ns", "idle")`), so a later layer wins by a dictionary update. Tables of NAME=VALUE pairs are merged name
by name, lists are replaced whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cap_core.errors import ConfigError, Mark
from cap_core.settings import toml
from cap_core.settings.rows import Row, rows
from cap_core.settings.table import Settings, UpstreamSettings
from cap_core.settings.value_types import PORT
from cap_core.syntax.names import near

FILE = "cap.toml"
UPSTREAMS = "upstreams"


class _Entry(msgspec.Struct, frozen=True):
    value: Any
    origin: str


_Path = tuple[str, ...]
_Layer = dict[_Path, _Entry]


def resolve(
    flags: Mapping[str, object], environ: Mapping[str, str], documents: Sequence[str] = (), cwd: Path = Path()
) -> Settings:
    """The effective settings.

    `flags` holds what the command line gave, by the settings' names: text, a boolean, or several texts. `documents` are
    what it named as capabilities; a file beside them is only reported. Raises `ConfigError` for the first thing that is
    wrong.
    """
    given = _variables(environ, cwd) | _flags(flags, cwd)
    chosen = given.get(("config",))
    here = cwd / FILE
    file = chosen.value if chosen else here if here.is_file() else None
    if file is not None:
        found: _Layer = {("config",): _Entry(file, "found")}
        given = found | _file(file) | given
    unread = () if chosen else _elsewhere(documents, cwd)
    return msgspec.structs.replace(_settings(given), unread=unread, unknown=_unknown(environ))


def _unknown(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The variables that look like settings and are none. Kubernetes makes some for a Service named `cap`."""
    known = {row.variable for row in rows()}
    foreign = ("CAP_SERVICE_", "CAP_PORT_")
    return tuple(
        name for name in environ if name.startswith("CAP_") and not (name in known or name.startswith(foreign))
    )


def _elsewhere(documents: Sequence[str], cwd: Path) -> tuple[Path, ...]:
    """The files beside documents that are not in the working directory: whoever wrote the documents wrote them too, and
    what they say could lift every guard that the operator relies on."""
    paths = [cwd / document for document in documents]
    places = [path if path.is_dir() else path.parent for path in paths if path.exists()]
    found = {place.resolve(): place / FILE for place in places if (place / FILE).is_file()}
    found.pop(cwd.resolve(), None)
    return tuple(found.values())


# --- flags and variables ----------------------------------------------------------------------------------------------


def _flags(flags: Mapping[str, object], cwd: Path) -> _Layer:
    layer: _Layer = {}
    for row in rows():
        value = flags.get(row.name)
        if value is None or value == ():
            continue
        texts = value if isinstance(value, tuple | list) else [str(value)]
        if row.about.split:
            texts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
        layer |= _texts(row, texts, row.flag, "flag", cwd)
    return layer


def _variables(environ: Mapping[str, str], cwd: Path) -> _Layer:
    layer: _Layer = {}
    for row in rows():
        text = environ.get(row.variable, "").strip()
        if not text or (
            row.kind is PORT and text.startswith("tcp://")
        ):  # what Kubernetes says of a Service named `cap`
            continue
        # Values on lines of their own may hold commas.
        texts = text.split("\n" if "\n" in text else ",") if row.many else [text]
        layer |= _texts(row, [part.strip() for part in texts if part.strip()], row.variable, row.variable, cwd)
    return layer


def _texts(row: Row, texts: Sequence[str], source: str, origin: str, cwd: Path) -> _Layer:
    """The layer of the texts of a flag or a variable."""
    if row.many == "table":
        pairs = (_pair(row, text, source) for text in texts)
        return {
            (row.name, name): _Entry(_read(row, row.kind.from_text, value, cwd, f"{source} {name}"), origin)
            for name, value in pairs
        }
    values = tuple(_read(row, row.kind.from_text, text, cwd, source) for text in texts)
    value = values if row.many else values[-1]
    return {(row.name,): _Entry(value, origin)}


def _pair(row: Row, text: str, source: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        # The text is not part of the message if it may be a secret value without its name.
        given = "" if row.about.hidden else f", not {text!r}"
        raise ConfigError(f"{source} must be {row.about.metavar}{given}")
    return name.strip(), value


def _read(
    row: Row, reader: Callable[[Any, Path], Any], value: object, directory: Path, source: str, at: Mark | None = None
) -> Any:
    try:
        return reader(value, directory)
    except ValueError as error:
        what = f"must be {row.kind.noun}" if row.about.hidden else str(error)
        raise ConfigError(f"{source} {what}", at=at) from None


# --- the file ---------------------------------------------------------------------------------------------------------


def _file(path: Path) -> _Layer:
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise ConfigError(f"{path}: {reason.lower()}", hint="name a readable cap.toml with --config") from None
    document = toml.load(raw, str(path))
    return _Reader(document, path.parent).layer()


class _Reader:
    """Reads a parsed `cap.toml` into a layer."""

    def __init__(self, document: toml.Document, directory: Path) -> None:
        self.document = document
        self.directory = directory

    def layer(self) -> _Layer:
        known = {row.name: row for row in rows() if row.name != "config"}
        layer: _Layer = {}
        for key, value in self.document.data.items():
            if key == UPSTREAMS:
                layer |= dict(self._upstreams(value))
                continue
            row = known.get(key)
            if row is None:
                raise self._unknown((key,), [*known, UPSTREAMS], "setting")
            layer |= self._setting(row, value)
        return layer

    def _setting(self, row: Row, value: object) -> _Layer:
        path = (row.name,)
        if row.many == "table" and isinstance(value, dict):
            return dict(self._table(row, path, value))
        if not row.many:
            return {path: self._value(row, path, value)}
        if not isinstance(value, list):
            noun = "a table, or a list of NAME=VALUE" if row.many == "table" else "a list"
            raise ConfigError(f"{row.name!r} must be {noun}", at=self._at(path))
        if row.many == "table":
            return dict(self._listed_pair(row, index, item) for index, item in enumerate(value))
        items = tuple(self._value(row, (*path, index), item).value for index, item in enumerate(value))
        return {path: _Entry(items, self._origin(path))}

    def _table(self, row: Row, path: toml.Path, table: Mapping[str, object]) -> Iterator[tuple[_Path, _Entry]]:
        for key, value in table.items():
            below = (*path, key)
            if isinstance(value, dict):  # [set.<namespace>]
                yield from self._table(row, below, value)
            else:
                yield (row.name, ".".join(map(str, below[1:]))), self._value(row, below, value)

    def _listed_pair(self, row: Row, index: int, item: object) -> tuple[_Path, _Entry]:
        at = self._at((row.name, index))
        name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
        if not equals or not name.strip():
            raise ConfigError(f"{row.name!r} must hold NAME=VALUE texts", at=at)
        text = _read(row, row.kind.from_text, value, self.directory, repr(name), at)
        return (row.name, name.strip()), _Entry(text, str(at))

    def _upstreams(self, value: object) -> Iterator[tuple[_Path, _Entry]]:
        known = {row.name: row for row in rows(UpstreamSettings)}
        for namespace, table in self._tables((UPSTREAMS,), value):
            for key, item in table.items():
                path = (UPSTREAMS, namespace, key)
                row = known.get(key)
                if row is None:
                    raise self._unknown(path, known, "key of an upstream")
                yield path, self._value(row, path, item)

    def _tables(self, path: toml.Path, value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
        if not isinstance(value, dict):
            raise ConfigError(f"{path[-1]!r} must be a table", at=self._at(path))
        for key, table in value.items():
            if not isinstance(table, dict):
                at, hint = self._at((*path, key)), f"write [{UPSTREAMS}.{key}]"
                raise ConfigError(f"{key!r} must be a table", at=at, hint=hint)
            yield key, table

    def _value(self, row: Row, path: toml.Path, value: object) -> _Entry:
        name = next(str(part) for part in reversed(path) if isinstance(part, str))
        at = self._at(path)
        return _Entry(_read(row, row.kind.from_toml, value, self.directory, repr(name), at), self._origin(path))

    def _unknown(self, path: toml.Path, known: Sequence[str] | Mapping[str, object], noun: str) -> ConfigError:
        name = str(path[-1])
        hint = near(name, known) or f"known are: {', '.join(known)}"
        return ConfigError(f"{name!r} is no {noun}", at=self.document.keys[path], hint=hint)

    def _at(self, path: toml.Path) -> Mark | None:
        return self.document.values.get(path) or self.document.keys.get(path)

    def _origin(self, path: toml.Path) -> str:
        return str(self.document.keys.get(path) or self.document.values[path])


# --- all together -----------------------------------------------------------------------------------------------------


def _settings(given: _Layer) -> Settings:
    fields: dict[str, Any] = {}
    for row in rows():
        if row.many == "table":
            fields[row.field] = {path[1]: e.value for path, e in given.items() if path[0] == row.name}
        else:
            fields[row.field] = given[row.name,].value if (row.name,) in given else row.default
    settings = Settings(
        **fields,
        upstreams=_upstreams(given),
        origins={".".join(path): entry.origin for path, entry in given.items()},
    )
    if (settings.tls_cert is None) != (settings.tls_key is None):
        here, there = ("tls-cert", "tls-key") if settings.tls_cert else ("tls-key", "tls-cert")
        raise ConfigError(f"--{here} needs --{there}", hint="give both, or neither")
    return settings


def _upstreams(given: _Layer) -> dict[str, UpstreamSettings]:
    fields = {row.name: row.field for row in rows(UpstreamSettings)}
    tables: dict[str, dict[str, Any]] = {}
    for path, entry in given.items():
        if path[0] == UPSTREAMS:
            tables.setdefault(path[1], {})[fields[path[2]]] = entry.value
    return {namespace: UpstreamSettings(**table) for namespace, table in tables.items()}
