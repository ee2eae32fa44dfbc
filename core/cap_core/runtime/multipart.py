"""Encodes bodies of type `multipart/form-data` (RFC 7578; WHATWG HTML, form submission).

The boundary is a hash of the parts, so that `cap explain` shows exactly what is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator

from cap_core.errors import FieldError, Mark
from cap_core.runtime.inputs import refuse
from cap_core.runtime.values import as_text
from cap_core.syntax.http import is_media_type
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq

PART_KEYS = ("name", "value", "filename", "contentType", "encoding")


def fault(data: Node) -> tuple[Mark, str] | None:
    """The place and the error of `data` that is neither a mapping of fields nor a list of parts; None if it is one."""
    if isinstance(data, Map):
        return None
    if not isinstance(data, Seq):
        return data.mark, "a body of type multipart needs a mapping of fields, or a list of parts, as its data"
    for part in data:
        keys = {str(key) for key in part} if isinstance(part, Map) else set()
        if not keys >= {"name", "value"} or not keys <= set(PART_KEYS):
            known = f"a part has {', '.join(PART_KEYS)}, of which the first two are needed"
            return part.mark, f"{known}; this one has {', '.join(sorted(keys)) or 'none of them'}"
        assert isinstance(part, Map)
        for key in ("name", "filename", "contentType", "encoding"):
            if not isinstance(item := part.get(Scalar(key, part.mark), Scalar("", part.mark)), Scalar):
                return item.mark, f"{key!r} of a part must be text"
        encoding = part.get(Scalar("encoding", part.mark))
        if encoding is not None and encoding != "base64":
            return encoding.mark, f"'encoding' of a part can be base64, not {str(encoding)!r}"
    return None


def encode(value: object) -> tuple[bytes, bytes] | None:
    """The body and its content type; None where no part has a value.

    Raises `Refusal` 400 for a part whose `contentType` is no media type.
    """
    parts = list(_parts(value))
    if not parts:
        return None
    boundary = hashlib.sha256(b"\r\n".join(parts)).hexdigest()[:32].encode()
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return body + b"--%b--\r\n" % boundary, b"multipart/form-data; boundary=" + boundary


def _parts(value: object) -> Iterator[bytes]:
    """Each part, head and content. A list is a part for each of its items."""
    fields = value.items() if isinstance(value, dict) else ()
    listed = value if isinstance(value, list) else [{"name": name, "value": item} for name, item in fields]
    for part in listed:
        name, content = as_text(part["name"]) if "name" in part else "", part.get("value")
        for item in content if isinstance(content, list) else [content]:
            if item is not None:
                content = _content(name, as_text(item), part.get("encoding"))
                yield _head(name, part.get("filename"), part.get("contentType")).encode() + content


def _head(name: str, filename: object, content_type: object) -> str:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if filename is not None:
        head += f'; filename="{_quoted(as_text(filename))}"'
    if content_type:
        media_type = as_text(content_type)
        if not is_media_type(media_type):
            raise refuse((FieldError(f"contentType of part {name}", "must be a media type"),))
        head += f"\r\nContent-Type: {media_type}"
    elif filename is not None:
        head += "\r\nContent-Type: application/octet-stream"  # as browsers send for an unknown type
    return f"{head}\r\n\r\n"


def _quoted(text: str) -> str:
    """https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#escape-a-multipart-form-data-name"""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _content(name: str, text: str, encoding: object) -> bytes:
    """The bytes of a part. JSON has none, so what is no text comes in base64, where the document says so."""
    if encoding is None:
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise refuse((FieldError(f"part {name}", "must be base64"),)) from None
