"""Compiles the body of an upstream request, encoded by its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import msgspec
import yaml

from cap_core.document.vocabulary import WRITES
from cap_core.errors import FieldError
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import PASSED_BODY
from cap_core.plan.request import Request, RequestField, Style
from cap_core.plan.values import Binding, Constant, InputRef, Template, Tree
from cap_core.plugins.auth import Credentials
from cap_core.plugins.messages import Body, Entity
from cap_core.runtime import multipart
from cap_core.runtime.inputs import refuse
from cap_core.runtime.styles import compile_pairs
from cap_core.runtime.values import ABSENT, Evaluate, Frame, as_text, compile_json, compile_template, compile_text
from cap_core.syntax import json_text

Encoded = tuple[Body, int | None, bytes | None]
"""The body, its length if it is a stream of known size, and its content type (None: none, or set by the document)."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
NO_BODY: Encoded = (b"", None, None)

_CONTENT_TYPES = {
    "json": b"application/json",
    "form": b"application/x-www-form-urlencoded",
    "text": b"text/plain; charset=utf-8",
    "xml": b"application/xml",
    "sparql": b"application/sparql-query",
    "yaml": b"application/yaml",
}


def compile_body(
    request: Request, types: Mapping[str, InputType], credentials: Credentials, variables: Mapping[Binding, str]
) -> Callable[[Frame], Encoded]:
    """The function that makes the bodies of a request; without a value there is no body.

    `types` are those of the call's inputs, by name.
    """
    header = next((f for f in request.fields if f.place == "header" and f.name.lower() == "content-type"), None)
    if header is not None and isinstance(header.value, InputRef):
        return _typed_by_caller(header.value, request, types, credentials, variables)
    return _compile_body(request, types, credentials, variables, named=header is not None)


def _typed_by_caller(
    given: InputRef,
    request: Request,
    types: Mapping[str, InputType],
    credentials: Credentials,
    variables: Mapping[Binding, str],
) -> Callable[[Frame], Encoded]:
    """A body whose content type is an input; where callers leave it out, the body has its own."""
    named = _compile_body(request, types, credentials, variables, named=True)
    alone = _compile_body(request, types, credentials, variables, named=False)
    evaluate = compile_text(given, variables)
    return lambda frame: (alone if evaluate(frame) is ABSENT else named)(frame)


def _compile_body(
    request: Request,
    types: Mapping[str, InputType],
    credentials: Credentials,
    variables: Mapping[Binding, str],
    *,
    named: bool,
) -> Callable[[Frame], Encoded]:
    content_type = None if named else _CONTENT_TYPES.get(request.body.type)
    members = [field for field in request.fields if field.place == "member"]
    whole = next((field for field in request.fields if field.place == "body"), None)
    if whole is None and not members and not credentials.members:
        return lambda frame: NO_BODY
    if members and request.body.type in ("form", "multipart"):
        tree = Tree(tuple((field.name, field.value) for field in members), keyed=True)
        styles = {field.name: field.style for field in members if field.style is not None}
        whole = RequestField(
            place="body", name="", value=tree, type=None, required=False, at=members[0].at, styles=styles
        )
    if whole is not None and request.body.type == "multipart":
        return _in_parts(whole, variables)
    if whole is not None and request.body.type == "json" and isinstance(whole.value, InputRef):
        return _entity(whole.value, content_type, credentials, named=named)
    if whole is not None:
        return _template(request, whole, content_type, types, variables, credentials)
    return _members(members, content_type, types, variables, credentials)


def _entity(
    given: InputRef, content_type: bytes | None, credentials: Credentials, *, named: bool
) -> Callable[[Frame], Encoded]:
    """A body that is one input; bytes are passed through untouched, with their type unless a header is `named` so."""

    name, default = given.name, ABSENT if given.default is msgspec.UNSET else given.default
    alone = _credentials_only(credentials, content_type)

    def entity(frame: Frame) -> Encoded:
        value = frame.inputs.get(name, default)
        if value is ABSENT:
            return alone
        if isinstance(value, Entity):
            return value.body, value.length, None if named else value.content_type
        body = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
        return _with_members(body, credentials), None, content_type

    return entity


def _members(
    fields: list[RequestField],
    content_type: bytes | None,
    types: Mapping[str, InputType],
    variables: Mapping[Binding, str],
    credentials: Credentials,
) -> Callable[[Frame], Encoded]:
    sent = [field for field in fields if not (isinstance(field.value, Constant) and field.value.value is None)]
    evaluators = [(field.name, compile_json(field.value, variables, types)) for field in sent]
    own = dict(credentials.members)

    def members(frame: Frame) -> Encoded:
        out = {name: value for name, evaluate in evaluators if (value := evaluate(frame)) is not ABSENT}
        if not out and not own:
            return (b"{}", None, content_type) if PASSED_BODY in frame.inputs else NO_BODY
        return msgspec.json.encode({**out, **own}), None, content_type

    return members


def _template(
    request: Request,
    field: RequestField,
    content_type: bytes | None,
    types: Mapping[str, InputType],
    variables: Mapping[Binding, str],
    credentials: Credentials,
) -> Callable[[Frame], Encoded]:
    encode, evaluate = _encoder(request.body.type, field, types, variables)
    alone = _credentials_only(credentials, content_type)
    object_ = isinstance(field.value, Tree) and field.value.keyed and request.body.type == "json"
    if object_ and request.operation.method in WRITES and not credentials.members:
        alone = b"{}", None, content_type

    def template(frame: Frame) -> Encoded:
        value = evaluate(frame)
        if value is ABSENT:
            return alone
        if isinstance(value, Entity):
            return value.body, value.length, content_type
        return _with_members(encode(value), credentials), None, content_type

    return template


def _in_parts(field: RequestField, variables: Mapping[Binding, str]) -> Callable[[Frame], Encoded]:
    evaluate = compile_text(field.value, variables)

    def in_parts(frame: Frame) -> Encoded:
        value = _decoded(frame.inputs.get(PASSED_BODY) or evaluate(frame))
        if isinstance(value, Entity):
            return value.body, value.length, value.content_type
        encoded = None if value is ABSENT else multipart.encode(value)
        return NO_BODY if encoded is None else (encoded[0], None, encoded[1])

    return in_parts


def _encoder(
    kind: str, field: RequestField, types: Mapping[str, InputType], variables: Mapping[Binding, str]
) -> tuple[Callable[[object], bytes], Evaluate]:
    item = field.value
    if kind == "json":
        return msgspec.json.encode, compile_json(item, variables, types)
    if kind == "form":
        if isinstance(item, Template):
            return _plain, _escaped(item, variables, quote_plus)
        return _form(field.styles), compile_text(item, variables)
    if kind == "ndjson":
        return _lines, compile_text(item, variables)
    if kind == "yaml":
        return _yaml, compile_json(item, variables, types)
    if kind == "xml" and isinstance(item, Template):
        return _plain, _escaped(item, variables, _xml_text)
    return _plain, compile_text(item, variables)


_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def _xml_text(text: str) -> str:
    if _NO_XML.search(text):
        raise refuse((FieldError("body", "must not contain control characters, which XML does not have"),))
    return escape(text, {'"': "&quot;", "'": "&apos;"})


def _decoded(value: object) -> object:
    """The value; of one that came as JSON, what that says."""
    return json_text.decode(value) if isinstance(value, msgspec.Raw) else value


def _plain(value: object) -> bytes:
    """Text; a string that came as JSON is what it says."""
    return as_text(_decoded(value)).encode()


def _lines(value: object) -> bytes:
    """A text as it is, a list as a line of JSON for each of its items."""
    value = _decoded(value)
    if isinstance(value, str):
        return value.encode()
    return b"".join(msgspec.json.encode(item) + b"\n" for item in (value if isinstance(value, list) else [value]))


_ONE_LINE: Final = 1 << 30
"""Characters; a text that is folded would hold line breaks inside of a credential, which no mask would know."""


def _yaml(value: object) -> bytes:
    """A text as it is, everything else encoded as YAML."""
    if isinstance(value, str):
        return value.encode()
    # Encoded as JSON and decoded again, so that parts that are still JSON text become data.
    data = json_text.decode(msgspec.json.encode(value))
    return yaml.dump(data, Dumper=_Yaml, allow_unicode=True, sort_keys=False, width=_ONE_LINE).encode()


class _Yaml(yaml.SafeDumper):
    """Writes plain data, and numbers that are still JSON text."""


def _yaml_number(dumper: yaml.SafeDumper, raw: msgspec.Raw) -> yaml.Node:
    text = bytes(raw).decode()
    kind = "int" if text.lstrip("-").isdigit() else "float"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Yaml.add_representer(msgspec.Raw, _yaml_number)


def _form(styles: Mapping[str, Style]) -> Callable[[object], bytes]:
    def form(value: object) -> bytes:
        value = _decoded(value)
        if not isinstance(value, dict):
            return _plain(value)
        given = ((name, item) for name, item in value.items() if item is not None)
        return "&".join(
            pair for name, item in given for pair in compile_pairs(name, styles.get(name), quote_plus)(item)
        ).encode()

    return form


def _escaped(item: Template, variables: Mapping[Binding, str], escape_text: Callable[[str], str]) -> Evaluate:
    """A template whose values are escaped for the text around them."""
    return compile_template(item, variables, lambda value: escape_text(as_text(value)))


def _credentials_only(credentials: Credentials, content_type: bytes | None) -> Encoded:
    """The body of a call without one: the members that authentication adds, if any."""
    if not credentials.members:
        return NO_BODY
    return msgspec.json.encode(dict(credentials.members)), None, content_type


def _with_members(body: bytes, credentials: Credentials) -> bytes:
    """A JSON body with the members that authentication adds."""
    if not credentials.members:
        return body
    try:
        data = _object(body)
    except msgspec.ValidationError:
        return body
    return msgspec.json.encode({**data, **dict(credentials.members)})
