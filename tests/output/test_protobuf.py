"""protobuf: the first message of the .proto beside the document, in protobuf's own JSON form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROTO = """\
syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "line.proto";
message Order {
  string note = 1;
  int64 id = 2;
  repeated string tags = 3;
  map<string, Line> by_name = 4;
  google.protobuf.Timestamp at = 5;
  State state = 6;
  optional int32 maybe = 7;
  bytes raw = 8;
  Order parent = 9;
  repeated Line lines = 10;
  enum State { OPEN = 0; DONE = 1; }
}
message Other { string x = 1; }
"""
LINE = 'syntax = "proto3";\npackage shop;\nmessage Line { string sku_code = 1; int32 count = 2; }\n'
EMPTY = {"note": "", "id": "0", "tags": [], "by_name": {}, "state": "OPEN", "raw": "", "lines": []}
SCHEMA = "outputSchema: protos/order.proto"


@pytest.fixture(scope="module", autouse=True)
def _schema(serving: Any) -> None:
    (serving.directory / "protos").mkdir(exist_ok=True)
    (serving.directory / "protos" / "order.proto").write_text(PROTO)
    (serving.directory / "protos" / "line.proto").write_text(LINE)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"\x0a\x02\xc3\xa9", {"note": "é"}, id="a-string"),
        pytest.param(b"\x10\x80\x80\x80\x80\x80\x80\x80\x80\x10", {"id": str(2**60)}, id="64-bits-are-a-string"),
        pytest.param(b"\x1a\x01a\x1a\x01b", {"tags": ["a", "b"]}, id="a-list"),
        pytest.param(
            b"\x22\x08\x0a\x01k\x12\x03\x0a\x01s", {"by_name": {"k": {"sku_code": "s", "count": 0}}}, id="a-map"
        ),
        pytest.param(b"\x2a\x02\x08\x01", {"at": "1970-01-01T00:00:01Z"}, id="a-timestamp"),
        pytest.param(b"\x30\x01", {"state": "DONE"}, id="an-enum"),
        pytest.param(b"\x30\x09", {"state": 9}, id="an-enum-nobody-named"),
        pytest.param(b"\x38\x00", {"maybe": 0}, id="an-optional-zero"),
        pytest.param(b"\x42\x02\xff\x00", {"raw": "/wA="}, id="bytes"),
        pytest.param(b"\x4a\x02\x10\x05", {"parent": EMPTY | {"id": "5"}}, id="a-message"),
        pytest.param(b"\x52\x00", {"lines": [{"sku_code": "", "count": 0}]}, id="a-message-without-anything"),
        pytest.param(b"\x98\x06\x01", {}, id="a-field-nobody-declares"),
    ],
)
def test_what_fields_become(serving: Any, body: bytes, expected: dict[str, object]) -> None:
    assert EMPTY | expected == serving.read("protobuf", body, "application/x-protobuf", SCHEMA)


def test_outputs_and_tools_read_it_too(serving: Any) -> None:
    outputs = """\
- {name: id, type: integer, mapping: $.id}
- {name: tags, type: array, mapping: $.tags}
"""
    body = b"\x10\x05\x1a\x01a"

    assert {"id": 5, "tags": ["a"]} == serving.answer("protobuf", body, outputs=outputs, beside=SCHEMA).json()
    result = serving.tool("protobuf", body, "application/x-protobuf", outputs, SCHEMA)
    assert {"id": 5, "tags": ["a"]} == result["structuredContent"]


def nested(depth: int) -> bytes:
    out = b""
    for _ in range(depth):
        length, prefix = len(out), b""
        while length > 127:
            prefix, length = prefix + bytes([length & 127 | 128]), length >> 7
        out = b"\x4a" + prefix + bytes([length]) + out
    return out


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff\xff", id="bytes"),
        pytest.param(b'{"note": "x"}', id="json"),
        pytest.param(b"\x0a\x05ab", id="cut-short"),
        pytest.param(b"\x0a\x01\xff", id="not-utf-8"),
        pytest.param(b"\x2a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", id="a-time-beyond-the-calendar"),
        pytest.param(nested(500), id="deep"),
        pytest.param(b"\x52\x00" * 2_000_000, id="messages-without-anything"),
    ],
)
def test_what_is_not_a_message(refused: Callable[..., None], body: bytes) -> None:
    refused("protobuf", body, beside=SCHEMA)


@pytest.mark.parametrize(
    ("proto", "what"),
    [
        pytest.param("message {", "a.proto is not a protobuf schema: a.proto:1:9: Expected message name.", id="syntax"),
        pytest.param('syntax = "proto3"; enum E { A = 0; }', "a.proto has no message", id="no-message"),
        pytest.param(
            'syntax = "proto3"; import "no.proto"; message A {}', "not a protobuf schema", id="no-such-import"
        ),
        pytest.param('syntax = "proto3"; import "../up.proto"; message A {}', "not a protobuf schema", id="upwards"),
        pytest.param('syntax = "proto3"; import "link.proto"; message A {}', "lies outside its directory", id="a-link"),
        pytest.param(b"\xff\xfe", "a.proto is not a protobuf schema", id="bytes"),
        pytest.param(None, "there is no file 'below/a.proto'", id="no-file"),
    ],
)
def test_a_schema_that_cannot_be_used(
    tmp_path: Path, compiled: Callable[..., Any], proto: bytes | str | None, what: str
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / "up.proto").write_text('syntax = "proto3"; message Up {}')
    (below / "link.proto").symlink_to(tmp_path / "up.proto")
    if proto is not None:
        (below / "a.proto").write_bytes(proto if isinstance(proto, bytes) else proto.encode())
    said = compiled("protobuf", "outputSchema: below/a.proto").diagnostics

    assert what in next(d.message for d in said if d.code == "bad-format-option")


def test_no_module_beside_a_schema_is_run(tmp_path: Path, compiled: Callable[..., Any]) -> None:
    (tmp_path / "a.proto").write_text('syntax = "proto3"; message A { string x = 1; }')
    (tmp_path / "grpc_tools.py").write_text("import pathlib; pathlib.Path('run').write_text('')")
    plan = compiled("protobuf", "outputSchema: a.proto").plan

    assert 1 == len(plan.exposures[0].calls)
    assert not (tmp_path / "run").exists()
