"""Makes the result of `tools/call` from a call's answer: content for the model, and structured content for JSON.

`Outcome` is the same for both eras; `encode_legacy` and `encode_modern` encode it for each.
"""

from __future__ import annotations

import base64
import re
from email.message import Message
from http.client import responses
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import msgspec

from cap_core.logging.redaction import hidden
from cap_core.plugins.context import new_id
from cap_core.plugins.messages import Blob, Content, Headers, InputRequired, Reply, Text
from cap_core.syntax.charset import json_bytes, text
from cap_plugins.expose.mcp.error_texts import answer_required, not_followed, not_modified, refused_upstream, too_large
from cap_plugins.expose.mcp.json_rpc import encode
from cap_plugins.expose.mcp.media_types import MediaType, parse_media_type

if TYPE_CHECKING:
    from cap_plugins.expose.mcp.tool import ServedTool

_BEGIN: Final = (b"{", b"[")
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
"""What a login page or an error page of a proxy comes as; other text may be what an API without JSON answers."""
_LONGEST_FILENAME: Final = 200
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*(utf-8|iso-8859-1)'[^']*'([^;\s]+)", re.IGNORECASE)
_validate = msgspec.json.Decoder(msgspec.Raw).decode


class Outcome(msgspec.Struct, frozen=True):
    """A call's result. `content` is the JSON text of its blocks without brackets, `structured` a JSON document."""

    content: bytes
    structured: bytes | None = None
    error: bool = False


def encode_legacy(outcome: Outcome) -> bytes:
    """The result for revisions up to 2025-11-25, where `structuredContent` must be an object."""
    structured = outcome.structured
    if structured is not None and not _is_object(structured):
        structured = b'{"result":' + structured + b"}"
    return b'{"content":[' + outcome.content + _rest(structured, outcome.error)


def encode_modern(outcome: Outcome, stamp: bytes) -> bytes:
    """The result for 2026-07-28, where `structuredContent` is any JSON value. `stamp` opens the object."""
    return stamp + b'"content":[' + outcome.content + _rest(outcome.structured, outcome.error)


def _rest(structured: bytes | None, error: bool) -> bytes:
    end = b'],"isError":true}' if error else b"]}"
    return end if structured is None else b'],"structuredContent":' + structured + end[1:]


def text_result(text: str, *, error: bool = False) -> Outcome:
    """A result of one block of text."""
    return Outcome(_text_block(text), error=error)


def reply_result(reply: Reply, body: bytes, tool: ServedTool) -> Outcome:
    """The result of an upstream's reply, whose whole body is `body`."""
    found = parse_media_type(header(reply.headers, b"content-type"))
    if reply.error:
        told = None if found.kind in ("image", "audio", "binary") else text(body, found.declared, errors="replace")
        shown = f"({hidden(found.name)}, {len(body)} bytes)" if told is None else told
        return text_result(refused_upstream(reply, shown, tool), error=True)
    if reply.status == 304:
        return text_result(not_modified(tool))
    if 300 <= reply.status < 400:
        return text_result(not_followed(reply.status, header(reply.headers, b"location"), tool), error=True)
    if not body or (found.kind == "json" and not body.strip()):  # blanks alone are no JSON, as no bytes are none
        return text_result(_empty(reply, tool))
    if found.kind == "json":
        return _json(body, found, tool)
    if found.kind == "text":
        shown = text(body, found.declared, errors="replace")
        return _unexpected(shown, found.name, tool) if found.name in _PAGES else text_result(shown)
    if found.kind == "undeclared" and (undeclared := _utf8(body)) is not None:
        return _json(body, found, tool) if _expects_json(tool) else text_result(undeclared)
    if len(body) > tool.largest_binary:
        return text_result(too_large(reply, tool.largest_binary, tool), error=True)
    filename = hidden(_filename(header(reply.headers, b"content-disposition")))
    return Outcome(_blob_block(body, hidden(found.name), tool, filename))


def _json(body: bytes, found: MediaType, tool: ServedTool) -> Outcome:
    """The result for JSON: a valid document is copied byte for byte, anything else becomes text."""
    try:
        document = body if found.utf8 and body[:1] in _BEGIN else json_bytes(body, found.declared)
        shown = document.decode()
    except ValueError:  # with replacement characters it is not the upstream's document
        return _unexpected(text(body, found.declared, errors="replace"), found.name, tool)
    if not _is_document(document):
        # What declares nothing may well be a text.
        return text_result(shown) if found.declared is None else _unexpected(shown, found.name, tool)
    return Outcome(_text_block(shown), document)


def _expects_json(tool: ServedTool) -> bool:
    answering = tool.call.answering
    return answering is not None and answering.format == "json"


def _unexpected(shown: str, name: str, tool: ServedTool) -> Outcome:
    """A text; where the call expects JSON, with a second block that says that this is none."""
    if not _expects_json(tool):
        return text_result(shown)
    note = f"The upstream answered with success, but what came ({hidden(name)}) is not the JSON that this call expects."
    return Outcome(_text_block(shown) + b"," + _text_block(note))


def _is_document(utf8: bytes) -> bool:
    """Whether these bytes, UTF-8 already, are exactly one JSON document.

    Strings are checked too, so that no raw line end and no lone surrogate is spliced into an answer.
    """
    try:
        _validate(utf8)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _is_object(text: bytes) -> bool:
    return text[:1] == b"{" or text.lstrip()[:1] == b"{"


def _empty(reply: Reply, tool: ServedTool) -> str:
    """An answer without a body: its status, and for HEAD the headers."""
    line = f"{reply.status} {responses.get(reply.status, '')}".rstrip()
    if tool.call.answering is None or tool.call.answering.method != "HEAD":
        return f"{line}: done, no content."
    fields = (f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in reply.headers)
    return hidden("\n".join((line, *fields)))


def content_result(answer: Content | InputRequired, tool: ServedTool) -> Outcome:
    """The result of an answer that comes from an interceptor and not from an upstream."""
    if isinstance(answer, InputRequired):
        return text_result(answer_required(tool), error=True)
    blocks = [_block(block, tool) for block in answer.blocks]
    if answer.structured is None or answer.error:
        return Outcome(b",".join(blocks), error=answer.error)
    structured = _json(bytes(answer.structured), parse_media_type(None), tool)
    return Outcome(b",".join(blocks) or structured.content, structured.structured)


def _block(block: Text | Blob, tool: ServedTool) -> bytes:
    return _text_block(block.text) if isinstance(block, Text) else _blob_block(block.data, block.media_type, tool)


def _text_block(text: str) -> bytes:
    return b'{"type":"text","text":' + encode(text) + b"}"


def _blob_block(data: bytes, name: str, tool: ServedTool, filename: str = "") -> bytes:
    """A binary as an image, a sound or a resource of its own; what is text by its media type stays readable."""
    found = parse_media_type(name.encode())
    if found.kind in ("image", "audio"):
        meta = b',"_meta":{"filename":%b}' % encode(filename) if filename else b""
        head = b'{"type":"%b","data":"%b"' % (found.kind.encode(), base64.b64encode(data))
        return b'%b,"mimeType":%b%b}' % (head, encode(name), meta)
    shown = _text_of(data, found.declared) if found.kind in ("json", "text") else None
    content = b'"blob":"%b"' % base64.b64encode(data) if shown is None else b'"text":' + encode(shown)
    uri = "/".join(part for part in (tool.uri, new_id(), quote(filename, safe="")) if part)
    resource = b'{"uri":%b,"mimeType":%b,%b}' % (encode(uri), encode(name), content)
    return b'{"type":"resource","resource":' + resource + b"}"


def _text_of(data: bytes, content_type: str | None) -> str | None:
    try:
        return text(data, content_type)
    except ValueError:
        return None


def _filename(disposition: bytes | None) -> str:
    """The name that an upstream gives a file, without folders; "" if it gives none (RFC 6266, 4.3)."""
    if disposition is None:
        return ""
    text = _printable(disposition.decode("utf-8", "replace"))
    extended = _EXTENDED.search(text)  # this one counts where both are given
    if extended is not None:
        name = unquote(extended[2], extended[1], "replace")
    else:
        fields = Message()
        fields["content-disposition"] = text
        name = fields.get_filename("")
    return _printable(name.replace("\\", "/").rpartition("/")[2])[:_LONGEST_FILENAME]


def _printable(text: str) -> str:
    return "".join(filter(str.isprintable, text))


def _utf8(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def header(headers: Headers, name: bytes) -> bytes | None:
    """The value of an answer's header, whose names are lower case."""
    for key, value in headers:
        if key == name:
            return value
    return None
