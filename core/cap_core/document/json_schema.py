"""Makes the JSON Schema of accepted documents, for each dialect, from the models that read them.

Editors use it to complete and check documents. It accepts more than `cap check` does: a schema cannot check what
depends on several places, such as calls, names and templates.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from cap_core.document.dialects import ALIASES, KEYED, RENAMED, VERSIONS
from cap_core.document.input_model import InputPart
from cap_core.document.model import (
    ConsumedOutput,
    ConsumedParameter,
    ConsumesEntry,
    Document,
    ExposedOutput,
    ExposedParameter,
)
from cap_core.document.reader import NOT_KEYS, ModelNode
from cap_core.document.unsupported import TABLE
from cap_core.document.values import Names, Number, Requirement, Size
from cap_core.document.vocabulary import BODY_KEYS, BODY_TYPES, KNOWN_METHODS, PLACES, PUBLISHED_BODIES, TYPES
from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.exposure import Exposure
from cap_core.plugins.output import OutputMapper
from cap_core.syntax.names import norm
from cap_core.syntax.yaml_tree import Map

_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_ANY: dict[str, Any] = {}
_TEXTS: dict[str, Any] = {"type": [*_TEXT["type"], "array"], "items": _TEXT}
_OPTIONAL_IN_PRACTICE = frozenset({"method"})
"""Keys that the schema requires, although documents are read without them."""
_ORIGINAL_KEYS = {new: old for old, new in RENAMED.items()}


def shipped(dialect: str) -> Path:
    """The file in the package with the schema of a dialect, as it is with the built-in plugins."""
    return Path(__file__).parent / "schemas" / f"{dialect}.schema.json"


_SCHEMES = ("digest", "oauth2")
"""Published authentication types that no plugin offers yet; the schema accepts them."""
_NULL = {"type": "null"}
_METHODS = {"enum": [*sorted(KNOWN_METHODS), *sorted(method.lower() for method in KNOWN_METHODS)]}


def schema(
    dialect: str,
    exposures: Mapping[str, Exposure[Any]],
    schemes: Mapping[str, AuthScheme[Any]],
    formats: Mapping[str, OutputMapper[Any]],
) -> dict[str, Any]:
    """The schema of one root key's documents, `naftiko` or `ikanos`; named things are lists or maps in both."""
    making = _SchemaBuilder()
    offered = {key: _options(scheme) for key, scheme in schemes.items()}
    making.everywhere["authentication"] = _by_type(offered, _SCHEMES, norm)
    making.everywhere["outputRawFormat"] = _or_null(_words(sorted(formats), str.lower))
    shown = {key: making.part(offer.options) for key, offer in exposures.items()}
    later = [key for where, key in TABLE if where == "exposure"]
    making.everywhere["exposes"] = {"type": ["array", "null"], "items": _by_type(shown, later)}
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


def _words(words: Iterable[str], read: Callable[[str], str]) -> dict[str, Any]:
    """The schema of one of these words, which editors suggest, or of a text that `read` takes for one of them."""
    listed = list(words)
    return {"anyOf": [{"enum": listed}, {"type": "string", "pattern": _pattern(listed, read)}]}


def _pattern(words: Iterable[str], read: Callable[[str], str]) -> str:
    """A regular expression (ECMA 262) for every text that `read` takes for one of the words."""
    between = "[^A-Za-z0-9]*" if read is norm else ""
    patterns = ("".join(_letter(c) + between for c in read(word)) for word in words)
    return f"^{between}({'|'.join(dict.fromkeys(patterns))})$"


def _letter(c: str) -> str:
    return f"[{c}{c.upper()}]" if c.isalpha() else re.escape(c)


def _by_type(
    options: Mapping[str, dict[str, Any]], others: Iterable[str], read: Callable[[str], str] | None = None
) -> dict[str, Any]:
    """The schema of a mapping whose `type` decides its other keys; those of the `others` are not checked."""
    known = [*sorted(options), *others]
    cases = [
        {
            "if": {
                "properties": {"type": {"pattern": _pattern([key], read)} if read else {"const": key}},
                "required": ["type"],
            },
            "then": shape,
        }
        for key, shape in sorted(options.items())
    ]
    kinds = _words(known, read) if read else {"enum": known}
    return {"type": "object", "properties": {"type": kinds}, "required": ["type"], "allOf": cases}


def _options(scheme: AuthScheme[Any]) -> dict[str, Any]:
    """The schema of an authentication's options; a template is accepted for any of them."""
    fields = msgspec.structs.fields(scheme.options)
    properties = {field.encode_name: _option(field) for field in fields}
    out = {"properties": {"type": True, **properties}, "additionalProperties": False}
    required = [field.encode_name for field in fields if field.required]
    return out | ({"required": required} if required else {})


def _option(field: FieldInfo) -> Any:
    """The schema of one option, with its `enum` if its type has one: `Meta(extra_json_schema={"enum": [...]})`."""
    extras = [meta.extra_json_schema for meta in typing.get_args(field.type) if isinstance(meta, msgspec.Meta)]
    words = next((extra["enum"] for extra in extras if extra and "enum" in extra), None)
    if words is None:
        return True
    return {"anyOf": [*_words(words, str.lower)["anyOf"], {"type": "string", "pattern": "\\{\\{"}]}


class _SchemaBuilder:
    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self.everywhere: dict[str, dict[str, Any]] = {
            "method": _or_null(_METHODS),
            "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535},
            "body": _BODY,
        }
        """The schemas of keys that mean the same in every mapping."""
        one = {"$ref": "#/$defs/ExposedOutput"}
        members = {"type": "object", "additionalProperties": one}
        self.special: dict[tuple[type[ModelNode], str], dict[str, Any]] = {
            **_WORDS,
            (ExposedOutput, "items"): {"anyOf": [one, {"type": "array", "items": one}, members, _NULL]},
        }
        """The schemas of keys that are special in one kind of mapping."""

    def part(self, model: type[ModelNode]) -> dict[str, Any]:
        """The schema of a mapping that is read as this model."""
        hints = typing.get_type_hints(model)
        properties: dict[str, Any] = {}
        required = []
        for field in msgspec.structs.fields(model):
            if field.name in NOT_KEYS:
                continue
            name = field.encode_name
            special = self.special.get((model, name)) or self.everywhere.get(name)
            shape = special or self._value(name, hints[field.name])
            properties[name] = shape
            for other in self._spellings(name):
                properties.setdefault(other, shape)
            if (field.required or name in _OPTIONAL_IN_PRACTICE) and not self._spellings(name):
                required.append(name)
        out = {"type": "object", "properties": properties, "additionalProperties": False}
        if model.__doc__:  # editors show it beside the mapping
            out["description"] = " ".join(model.__doc__.split())
        return out | ({"required": required} if required else {})

    def _spellings(self, name: str) -> list[str]:
        """Other keys that are read as this one."""
        renamed = [_ORIGINAL_KEYS[name]] if name in _ORIGINAL_KEYS else []
        return [*renamed, *(old for old, new in ALIASES.items() if new == name)]

    def _value(self, name: str, hint: Any) -> dict[str, Any]:
        options = [t for t in typing.get_args(hint) if t is not types.NoneType]
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            return dict(_ANY) if len(options) > 1 else _or_null(self._value(name, options[0]))
        if typing.get_origin(hint) is tuple:
            return self._listed(name, options[0])
        if isinstance(hint, type) and issubclass(hint, ModelNode):
            return self._reference(hint)
        kinds: dict[Any, dict[str, Any]] = {
            str: dict(_TEXT),
            bool: {"type": "boolean"},
            int: {"type": "integer"},
            Size: {"type": "integer", "minimum": 0},
            Number: {"type": "number"},
            Names: _TEXTS,
            Requirement: {"type": ["boolean", "array"], "items": _TEXT},
            Map: {"type": "object"},
        }
        return kinds.get(hint, dict(_ANY))

    def _listed(self, name: str, item: Any) -> dict[str, Any]:
        """A list, or where its entries have names, a map of them."""
        listed = {"type": ["array", "null"], "items": self._value(name, item)}
        if name not in KEYED:
            return listed
        either = {**listed, "type": ["array", "object", "null"]}
        named = {"additionalProperties": self._unnamed(item)}
        if name != "outputParameters":
            return {**either, **named}
        return {**either, "if": _SINGLE_OUTPUT, "then": self._reference(item), "else": named}

    def _unnamed(self, item: type[ModelNode]) -> dict[str, Any]:
        """The schema of an entry of a map, whose key is its name; null is accepted if no other key is required."""
        name = f"{item.__name__}Entry"
        if name not in self.definitions:
            self.definitions[name] = {}
            shape = self.part(item)
            required = [key for key in shape.pop("required", []) if key != "name"]
            self.definitions[name] = shape | ({"required": required} if required else {"type": ["object", "null"]})
        return {"$ref": f"#/$defs/{name}"}

    def _reference(self, model: type[ModelNode]) -> dict[str, Any]:
        name = model.__name__
        if name not in self.definitions:
            self.definitions[name] = {}  # a model may hold itself
            self.definitions[name] = self.part(model)
        return {"$ref": f"#/$defs/{name}"}


def _or_null(shape: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in shape:
        return {"anyOf": [*shape["anyOf"], _NULL]}
    kind = shape.get("type")
    if kind is None:
        return shape if not shape else {"anyOf": [shape, _NULL]}
    return {**shape, "type": [*([kind] if isinstance(kind, str) else kind), *(["null"] if "null" not in kind else [])]}


_BODY = {
    "type": [*_TEXT["type"], "object", "null"],
    "properties": {
        **dict.fromkeys(BODY_KEYS, True),
        "type": _words(dict.fromkeys([*PUBLISHED_BODIES, *BODY_TYPES]), norm),
    },
    "additionalProperties": False,
}
_SINGLE_OUTPUT = {
    "type": "object",
    "anyOf": [
        {"properties": {key: {"not": {"type": ["object", "array"]}}}, "required": [key]} for key in ("type", "mapping")
    ],
}
"""A single output in a place where a list or a map of outputs is accepted too."""
_TYPE_OR_NULL = _or_null({"enum": list(TYPES)})
_TYPES_OR_NULL = {
    "anyOf": [
        _words([*TYPES, "null"], str.lower),
        {"type": "array", "items": _words([*TYPES, "null"], str.lower)},
        _NULL,
    ]
}
_WORDS: dict[tuple[type[ModelNode], str], dict[str, Any]] = {
    (ConsumesEntry, "type"): _or_null(_words(["http"], str.lower)),
    (ConsumedParameter, "in"): _or_null(_words([*PLACES, "environment"], str.lower)),
    **{(model, "type"): _TYPES_OR_NULL for model in (ConsumedParameter, ExposedParameter, InputPart)},
    (ConsumedOutput, "type"): _TYPE_OR_NULL,
    (ExposedParameter, "in"): _or_null(_words(PLACES, str.lower)),
    (ExposedOutput, "type"): _TYPE_OR_NULL,
}
