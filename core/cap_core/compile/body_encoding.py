"""How `in: body` parameters are encoded: as a `Content-Type` that the document fixes says, else as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cap_core.compile.bound import BoundField
from cap_core.compile.rejection import Rejected
from cap_core.compile.target import Target
from cap_core.plan.values import Constant, Template
from cap_core.syntax.http import is_json_type, is_media_type

_FORM = "application/x-www-form-urlencoded"
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_OF_MEMBERS = frozenset({"json", "form", "multipart"})
"""The encodings that have named members; the others take one whole body."""
_CONTAINERS = frozenset({"object", "array"})


class BodyEncodingChoice(msgspec.Struct, frozen=True):
    """The type of the body, as `body.type` has it, and the media type that the document fixes ("" for JSON)."""

    type: str = "json"
    media_type: str = ""


def chosen_encoding(headers: Sequence[BoundField], body: Sequence[BoundField], target: Target) -> BodyEncodingChoice:
    """The encoding of the `in: body` parameters of a target (`docs/semantics.md`, the upstream request).

    Raises `Rejected` for those that cannot be encoded so.
    """
    fixed = next((one for one in headers if is_content_type(one)), None)
    if fixed is None or not body:
        return BodyEncodingChoice()
    media_type = _media_type(fixed)
    if not media_type or is_json_type(media_type):
        return BodyEncodingChoice()
    type_ = _type(media_type)
    if type_ is None or not _is_encodable(type_, body):
        what = f"the body parameters of {target.address} cannot be encoded as {media_type!r}"
        raise Rejected(
            "unsupported-body", fixed.field.at, what, "use one parameter named body, or another Content-Type"
        )
    return BodyEncodingChoice(type_, media_type)


def passed_encoding(fields: Sequence[BoundField]) -> BodyEncodingChoice:
    """The encoding of a tool's argument that is a whole body which the target does not declare.

    A fixed type that has members takes what has members, and every other type takes text. Where none is fixed, the
    media type is "": it is then the body's own, JSON or text.
    """
    fixed = next((one for one in fields if is_content_type(one)), None)
    media_type = _media_type(fixed) if fixed is not None else ""
    if not media_type or is_json_type(media_type):
        return BodyEncodingChoice("json", media_type)
    return BodyEncodingChoice(_type(media_type) or "text", media_type)


def is_content_type(bound: BoundField) -> bool:
    """Whether a value is the content type of the request."""
    return bound.field.place == "header" and bound.field.name.lower() == "content-type"


def _media_type(fixed: BoundField) -> str:
    """The media type without its parameters; "" where only a caller or a variable knows it."""
    value = fixed.field.value
    text = value.value if isinstance(value, Constant) else ""
    if isinstance(value, Template) and isinstance(value.parts[0], str) and ";" in value.parts[0]:
        text = value.parts[0]
    return text.partition(";")[0].strip().lower() if isinstance(text, str) else ""


def _type(media_type: str) -> str | None:
    if media_type == _FORM:
        return "form"
    if media_type.startswith("multipart/") or not is_media_type(media_type):
        return "multipart" if media_type == "multipart/form-data" else None
    return "ndjson" if media_type in _LINES else "text"


def _is_encodable(type_: str, body: Sequence[BoundField]) -> bool:
    if type_ in _OF_MEMBERS:
        # A whole body has to be something with members; only a form has a spelling as text, too.
        whole = [one for one in body if one.field.place == "body"]
        refused = {"array"} if type_ == "form" else {"array", "string", "integer", "number", "boolean"}
        return all(one.field.type not in refused for one in whole)
    if any(one.field.place == "member" for one in body):
        return False
    return type_ == "ndjson" or all(one.field.type not in _CONTAINERS for one in body)
