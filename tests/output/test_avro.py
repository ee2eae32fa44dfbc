"""Avro: one record by the schema beside the document; what could exhaust the gateway is refused beforehand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import pytest

ORDER = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"]},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]},
            },
        },
        {"name": "by_name", "type": {"type": "map", "values": "Line"}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "DONE"]}},
        {"name": "raw", "type": "bytes"},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
        {"name": "fair", "type": "boolean"},
        {"name": "rate", "type": "double"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "hour", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}
RECORD = {
    "id": 2**60,
    "note": "é",
    "lines": [{"sku": "a"}, {"sku": "b"}],
    "by_name": {"x": {"sku": "c"}},
    "state": "DONE",
    "raw": b"\xff\x00",
    "code": b"ab",
    "fair": True,
    "rate": 0.5,
    "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "day": date(2026, 1, 2),
    "hour": time(3, 4, 5),
    "price": Decimal("12.50"),
    "uuid": UUID(int=7),
}


def encoded(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


@pytest.fixture
def schema(serving: Any, request: pytest.FixtureRequest) -> Callable[[Any], str]:
    """Write a schema beside the documents and give the line that names it."""

    def write(schema: Any) -> str:
        name = f"{abs(hash(json.dumps(schema)))}.avsc"
        (serving.directory / name).write_text(json.dumps(schema))
        return f"outputSchema: {name}"

    return write


def test_a_record(serving: Any, schema: Callable[[Any], str]) -> None:
    assert {
        "id": 2**60,
        "note": "é",
        "lines": [{"sku": "a"}, {"sku": "b"}],
        "by_name": {"x": {"sku": "c"}},
        "state": "DONE",
        "raw": "/wA=",
        "code": "YWI=",
        "fair": True,
        "rate": 0.5,
        "at": "2026-01-02T03:04:05Z",
        "day": "2026-01-02",
        "hour": "03:04:05",
        "price": "12.50",
        "uuid": "00000000-0000-0000-0000-000000000007",
    } == serving.read("avro", encoded(ORDER, RECORD), "avro/binary", schema(ORDER))


def test_outputs_and_tools_read_it_too(serving: Any, schema: Callable[[Any], str]) -> None:
    outputs = """\
- {name: skus, type: array, mapping: "$.lines[*].sku"}
- {name: price, type: number, mapping: $.price}
- {name: id, type: string, mapping: $.id}
"""
    body, beside = encoded(ORDER, RECORD), schema(ORDER)
    expected = {"skus": ["a", "b"], "price": 12.5, "id": str(2**60)}

    assert expected == serving.answer("avro", body, outputs=outputs, beside=beside).json()
    assert expected == serving.tool("avro", body, "avro/binary", outputs, beside)["structuredContent"]


@pytest.mark.parametrize(
    ("schema_", "body"),
    [
        pytest.param(ORDER, b"\x00", id="cut-short"),
        pytest.param(ORDER, encoded(ORDER, RECORD)[:-1], id="a-byte-less"),
        pytest.param(ORDER, encoded(ORDER, RECORD) + b"\x00", id="a-byte-more"),
        pytest.param(ORDER, b'{"id": 1}', id="json"),
        pytest.param("string", b"\x04\xff\xfe", id="a-string-that-is-not-utf-8"),
        pytest.param("bytes", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a-length-below-zero"),
        pytest.param("bytes", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a-length-beyond-everything"),
        pytest.param(["null", "int"], b"\x08", id="a-branch-there-is-not"),
        pytest.param({"type": "int", "logicalType": "date"}, b"\xfe\xff\xff\xff\x0f", id="a-day-beyond-the-calendar"),
        pytest.param({"type": "array", "items": "int"}, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="a-huge-list"),
        pytest.param({"type": "string", "logicalType": "uuid"}, b"\x02a", id="not-a-uuid"),
    ],
)
def test_what_is_not_a_record(
    refused: Callable[..., None], schema: Callable[[Any], str], schema_: Any, body: bytes
) -> None:
    refused("avro", body, beside=schema(schema_))


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
NOTHING = {"type": "record", "name": "Nothing", "fields": [{"name": "n", "type": "null"}]}
TWICE = {
    "type": "record",
    "name": "Twice",
    "fields": [{"name": "a", "type": NOTHING}, {"name": "b", "type": {"type": "array", "items": "Nothing"}}],
}


@pytest.mark.parametrize(
    ("schema_", "what"),
    [
        pytest.param(json.dumps(NODE), "the schema contains itself: Node", id="of-itself"),
        pytest.param('{"type": "array", "items": "null"}', "a list of what takes no bytes", id="nulls"),
        pytest.param(json.dumps({"type": "array", "items": NOTHING}), "a list of what takes no bytes", id="records"),
        pytest.param(json.dumps(TWICE), "a list of what takes no bytes", id="by-name"),
        pytest.param("{", "order.avsc is not an Avro schema", id="not-json"),
        pytest.param('{"type": "recrod"}', "order.avsc is not an Avro schema", id="not-a-type"),
        pytest.param('"Nowhere"', "order.avsc is not an Avro schema", id="a-name-nobody-defines"),
        pytest.param('{"a": 1}', "order.avsc is not an Avro schema", id="without-a-type"),
        pytest.param("[" * 100_000, "order.avsc is not an Avro schema", id="deep"),
        pytest.param(None, "there is no file 'order.avsc'", id="no-file"),
    ],
)
def test_a_schema_that_cannot_be_used(
    tmp_path: Path, compiled: Callable[..., Any], schema_: str | None, what: str
) -> None:
    if schema_ is not None:
        (tmp_path / "order.avsc").write_text(schema_)
    said = compiled("avro", "outputSchema: order.avsc").diagnostics
    found = [d for d in said if d.code == "bad-format-option"]

    assert what in found[0].message
    assert ("d.yaml", 15, 23) == (found[0].at.file, found[0].at.line, found[0].at.column)
