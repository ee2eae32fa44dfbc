"""The JSON Schema of the documents we accept, per dialect, made from the models that read them.

Editors complete and check documents by it. It is looser than `cap check`: what depends on several places (calls,
names, templates) is the compiler's to say.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cap_core.dialects import ALIASES, KEYED, RENAMED, VERSIONS
from cap_core.documents import Map
from cap_core.model import Document
from cap_core.offers import AuthScheme, Exposure
from cap_core.reading import Part, Size

_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_ANY: dict[str, Any] = {}
_WANTED = frozenset({"method"})
"""Keys that a document should have, and is read without."""
_BACK = {new: old for old, new in RENAMED.items()}


def shipped(dialect: str) -> Path:
    """The file with the schema of a dialect, as the built-in plugins make it; it comes with the package."""
    return Path(__file__).parent / "schemas" / f"{dialect}.schema.json"


def schema(
    dialect: str, exposures: Mapping[str, Exposure[Any]], schemes: Mapping[str, AuthScheme[Any]]
) -> dict[str, Any]:
    """The schema of one root key's documents: `naftiko` (lists of named things) or `ikanos` (maps, or lists)."""
    making = _Making(maps=dialect == "ikanos")
    making.special["exposes"] = {
        "type": "array",
        "items": _by_type({k: making.part(o.options) for k, o in exposures.items()}),
    }
    one = {"$ref": "#/$defs/ExposedOutput"}
    named = [{"type": "object", "additionalProperties": one}] if making.maps else []
    making.special["items"] = {"anyOf": [one, {"type": "array", "items": one}, *named]}
    making.special["authentication"] = _by_type({k: _options(s) for k, s in schemes.items()})
    root = making.part(Document)
    properties = {dialect: {"enum": list(VERSIONS[dialect])}, **root["properties"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{dialect} capability document",
        "type": "object",
        "properties": properties,
        "required": [dialect, *root.get("required", [])],
        "additionalProperties": False,
        "$defs": making.definitions,
    }


def _by_type(options: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """One of several shapes, told apart by `type`; an unknown type is the compiler's to refuse, with the line."""
    cases = [
        {"if": {"properties": {"type": {"const": key}}, "required": ["type"]}, "then": shape}
        for key, shape in sorted(options.items())
    ]
    return {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"], "allOf": cases}


def _options(scheme: AuthScheme[Any]) -> dict[str, Any]:
    """An authentication's options; whatever their type, a template may stand there."""
    names = [field.encode_name for field in msgspec.structs.fields(scheme.options)]
    return {"properties": {"type": True, **dict.fromkeys(names, True)}, "additionalProperties": False}


class _Making:
    def __init__(self, *, maps: bool) -> None:
        self.maps = maps
        self.special: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, Any] = {}

    def part(self, model: type[Part]) -> dict[str, Any]:
        """The schema of a mapping. An entry of a map has its name as its key, so it needs none inside."""
        hints = typing.get_type_hints(model)
        properties: dict[str, Any] = {}
        required = []
        for field in msgspec.structs.fields(model):
            if field.name in ("at", "marks"):
                continue
            name = field.encode_name
            shape = self.special.get(name) or self._value(name, hints[field.name])
            properties[name] = shape
            for other in self._spellings(name):
                properties.setdefault(other, shape)
            if (field.required or name in _WANTED) and not self._spellings(name):
                required.append(name)
        out = {"type": "object", "properties": properties, "additionalProperties": False}
        if model.__doc__:  # editors show it beside the mapping
            out["description"] = " ".join(model.__doc__.split())
        return out | ({"required": required} if required else {})

    def _spellings(self, name: str) -> list[str]:
        """Other keys that are read as this one."""
        return [*([_BACK[name]] if name in _BACK else []), *(old for old, new in ALIASES.items() if new == name)]

    def _value(self, name: str, hint: Any) -> dict[str, Any]:
        options = [t for t in typing.get_args(hint) if t is not types.NoneType]
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            return dict(_ANY) if len(options) > 1 else _or_null(self._value(name, options[0]))
        if typing.get_origin(hint) is tuple:
            return self._listed(name, options[0])
        if isinstance(hint, type) and issubclass(hint, Part):
            return self._reference(hint)
        kinds: dict[Any, dict[str, Any]] = {
            str: dict(_TEXT),
            bool: {"type": "boolean"},
            int: {"type": "integer"},
            Size: {"type": "integer", "minimum": 0},
            Map: {"type": "object"},
        }
        return kinds.get(hint, dict(_ANY))

    def _listed(self, name: str, item: Any) -> dict[str, Any]:
        one = self._value(name, item)
        listed = {"type": ["array", "null"], "items": one}
        if not self.maps or name not in KEYED:
            return listed
        return {"anyOf": [listed, {"type": "object", "additionalProperties": self._unnamed(item)}]}

    def _unnamed(self, item: type[Part]) -> dict[str, Any]:
        """An entry of a map: its key is its name."""
        name = f"{item.__name__}Entry"
        if name not in self.definitions:
            self.definitions[name] = {}
            shape = self.part(item)
            required = [key for key in shape.pop("required", []) if key != "name"]
            self.definitions[name] = shape | ({"required": required} if required else {})
        return {"$ref": f"#/$defs/{name}"}

    def _reference(self, model: type[Part]) -> dict[str, Any]:
        name = model.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # a model may hold itself
            self.definitions[name] = self.part(model)
        return {"$ref": f"#/$defs/{name}"}


def _or_null(shape: dict[str, Any]) -> dict[str, Any]:
    kind = shape.get("type")
    if kind is None:
        return shape if not shape else {"anyOf": [shape, {"type": "null"}]}
    return {**shape, "type": [*([kind] if isinstance(kind, str) else kind), *(["null"] if "null" not in kind else [])]}
