"""`outputRawFormat: avro`: one record in Avro's binary encoding, without a container, by the schema in `outputSchema`.

`outputSchema` is an `.avsc` file below the document's directory (or below `--allow-files`). Records and maps become
objects, enums their names, `bytes` and `fixed` base64. Logical types are written out: dates and times as in RFC 3339,
decimals and UUIDs as strings. Bytes that are left after the record are an error.

Two kinds of schema are refused, because a small answer could exhaust the gateway: one that contains itself (nothing
bounds its depth), and a list of what takes no bytes (nothing bounds its length).

It takes `pip install 'cap-core[avro]'`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file with the schema."""

    outputSchema: Path


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by fastavro, which is imported here because few documents need it."""
    try:
        import fastavro
    except ImportError:
        raise OptionError("", "the format 'avro' needs fastavro", "pip install 'cap-core[avro]'") from None
    schema = _schema(fastavro, options.outputSchema)
    read_record = fastavro.schemaless_reader

    def read(body: bytes, content_type: str | None) -> object:
        source = io.BytesIO(body)
        try:
            record = read_record(source, schema, None)
        except (EOFError, LookupError, ArithmeticError, TypeError) as error:
            raise ValueError(f"not a record of the schema: {error}") from None
        if source.tell() != len(body):
            raise ValueError(f"{len(body) - source.tell()} bytes are left after the record")
        return msgspec.to_builtins(record)

    return read


def _schema(fastavro: Any, path: Path) -> Any:
    named: dict[str, Any] = {}
    try:
        schema = fastavro.parse_schema(msgspec.json.decode(path.read_bytes()), named_schemas=named)
    except (OSError, ValueError, TypeError, LookupError, RecursionError, fastavro.schema.SchemaParseException) as error:
        raise OptionError("outputSchema", f"{path.name} is not an Avro schema: {error}") from None
    _Bounds(named).takes_bytes(schema)
    return schema


class _Bounds:
    """Whether each part of a schema takes at least one byte."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._known: dict[str, bool | None] = {}

    def takes_bytes(self, schema: Any) -> bool:
        """Raises `OptionError` for a schema whose answers nothing bounds."""
        if isinstance(schema, list):
            for branch in schema:
                self.takes_bytes(branch)
            return True
        if isinstance(schema, str):
            return self._named_takes_bytes(schema) if schema in self._named else schema != "null"
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._named_takes_bytes(schema["name"])
        if kind == "fixed":
            return bool(schema["size"])
        if kind == "array" and not self.takes_bytes(schema["items"]):
            raise OptionError("outputSchema", "the schema has a list of what takes no bytes")
        if kind == "map":
            self.takes_bytes(schema["values"])
        return kind in ("array", "map", "enum") or self.takes_bytes(kind)

    def _named_takes_bytes(self, name: str) -> bool:
        if name in self._known:
            known = self._known[name]
            if known is None:
                raise OptionError("outputSchema", f"the schema contains itself: {name}")
            return known
        self._known[name] = None
        schema = self._named[name]
        if schema["type"] in ("record", "error"):
            found = any([self.takes_bytes(field["type"]) for field in schema["fields"]])
        else:
            found = self.takes_bytes(schema)
        self._known[name] = found
        return found


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer Avro."""
    return [OutputMapper(key="avro", options=Options, compile=compile, at_once=4 * 1024)]
