"""Every key that a document may have, from the models that read it and the options of what plugins offer."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator

import msgspec

from cap_core.document.dialects import VERSIONS
from cap_core.document.input_model import InputPart
from cap_core.document.model import Document
from cap_core.document.reader import NOT_KEYS, ModelNode
from cap_core.document.steps import ExposedStep
from cap_core.document.vocabulary import BODY_KEYS, OUTPUT_KEYS
from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.registry import Registry
from cap_core.runtime.multipart import PART_KEYS
from cap_plugins.auth.apikey import HEADER


def accepted(registry: Registry) -> list[str]:
    """Each key as the page names it, in the order of the models."""
    return [*VERSIONS, *_keys(Document, "", registry, ())]


def _keys(model: type[ModelNode], at: str, registry: Registry, above: tuple[type[ModelNode], ...]) -> Iterator[str]:
    hints = typing.get_type_hints(model)
    for field in msgspec.structs.fields(model):
        if field.name in NOT_KEYS:
            continue
        place = f"{at}.{field.encode_name}".lstrip(".")
        yield place
        below, many = _model(hints[field.name])
        # What stands in the `items` and `properties` of an input are inputs again.
        if below is not None and below is not InputPart and below not in (*above, model):
            yield from _keys(below, f"{place}{'[]' if many else ''}", registry, (*above, model))
        yield from _special(place, registry)


def _model(hint: typing.Any) -> tuple[type[ModelNode] | None, bool]:
    """The model of what stands below a key, and whether that is a list of such."""
    many = typing.get_origin(hint) is tuple
    options = typing.get_args(hint) if many or isinstance(hint, types.UnionType) else (hint,)
    found = [option for option in options if isinstance(option, type) and issubclass(option, ModelNode)]
    return (found[0] if found else None), many


def _special(place: str, registry: Registry) -> Iterator[str]:
    """What stands below keys that are read by what plugins offer, or in another way than by a model."""
    if place == "capability.exposes":
        for key, exposure in registry.exposures.items():
            yield from _keys(exposure.options, f"{place}[{key}]", registry, ())
    if place.endswith(".authentication"):
        calling = "exposes" in place
        for scheme in registry.auth_schemes.values():
            if (scheme.check if calling else scheme.sign) is not None:
                yield from _options(scheme, place)
        yield from (f"{place}(apikey).headers[].{key}" for key in HEADER)
    if place.endswith("operations[].body"):
        yield from (f"{place}.{key}" for key in BODY_KEYS)
        yield from (f"{place}.data[].{key}" for key in PART_KEYS)
    if place.endswith("].steps"):
        yield from _keys(ExposedStep, f"{place}[]", registry, ())
    if place.endswith("].outputRawFormat"):
        for mapper in registry.output_mappers.values():
            known = {field.encode_name for field in msgspec.structs.fields(mapper.options)}
            at = place.removesuffix("outputRawFormat")
            yield from (f"{at}{key}({mapper.key})" for key in OUTPUT_KEYS if key in known)


def _options(scheme: AuthScheme[typing.Any], place: str) -> Iterator[str]:
    yield f"{place}({scheme.key}).type"
    yield from (f"{place}({scheme.key}).{field.encode_name}" for field in msgspec.structs.fields(scheme.options))
