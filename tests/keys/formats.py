"""What formats of answers need to know."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import fastavro

from cap_core.testing import Answered
from keys.case import GET, LIST, Case, key
from keys.seen import answered, result

AVRO = {"type": "record", "name": "Thing", "fields": [{"name": "name", "type": "string"}]}
PROTO = 'syntax = "proto3";\nmessage Thing { string name = 1; }\n'
HTML = (
    b"<table><tr><th>a</th></tr><tr><td>1</td></tr></table><table id=b><tr><th>b</th></tr><tr><td>2</td></tr></table>"
)
PICTURE = Answered(headers=((b"content-type", b"image/png"),), body=b"PNG")
MARKDOWN = b"# One\n\nfirst\n\n# Two\n\nsecond\n"


def encoded() -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(AVRO), {"name": "Lamp"})
    return out.getvalue()


def option(
    name: str,
    value: str,
    does: str,
    format_: str,
    mapping: str,
    body: bytes,
    expected: object,
    files: Mapping[str, str] = {},
) -> Case:
    outputs = [{"name": "out", "mapping": mapping}]
    answer = Answered(headers=((b"content-type", b"application/octet-stream"),), body=body)
    also = {f"{LIST}.outputRawFormat": format_, f"{GET}.outputParameters": outputs}
    return key(f"{LIST}.{name}", value, does, answered("json"), expected, also=also, answer=answer, files=files)


CASES = [
    option(
        "outputSchema",
        "thing.avsc",
        "The file with the schema.",
        "avro",
        "$.name",
        encoded(),
        {"out": "Lamp"},
        {"thing.avsc": json.dumps(AVRO)},
    ),
    option(
        "outputSchema",
        "thing.proto",
        "The file with the message; its first one counts.",
        "protobuf",
        "$.name",
        b"\x0a\x04Lamp",
        {"out": "Lamp"},
        {"thing.proto": PROTO},
    ),
    option(
        "outputSchema",
        "#b",
        "A CSS selector for the tables that count.",
        "html",
        "$.tables[0]",
        HTML,
        {"out": [{"b": "2"}]},
    ),
    option(
        "outputSchema",
        "# Two",
        "How the sections that count begin.",
        "markdown",
        "$.sections[0].content",
        MARKDOWN,
        {"out": "second"},
    ),
    key(
        f"{LIST}.outputMediaType",
        "image/webp",
        "The media type of the bytes.",
        answered("content-type"),
        "image/webp",
        also={f"{LIST}.outputRawFormat": "binary"},
        answer=PICTURE,
    ),
    key(
        f"{LIST}.maxBinarySize",
        "2B",
        "The most bytes that a tool hands on.",
        result("isError"),
        True,
        also={f"{LIST}.outputRawFormat": "binary"},
        answer=PICTURE,
    ),
]
