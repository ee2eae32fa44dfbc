"""Whatever an upstream says, every decoder gives data that is JSON or raises ValueError, within bounded time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cap_core.plugins.loader import load
from cap_core.syntax import json_text
from effort import at_most

QUICK = 4000
"""Units of work, a few seconds; most inputs cost less than one."""
FORMATS = ["avro", "binary", "csv", "html", "json", "markdown", "protobuf", "psv", "text", "tsv", "xml", "yaml"]
AVRO = """{"type": "record", "name": "r", "fields": [
  {"name": "a", "type": {"type": "array", "items": ["null", "string", {"type": "map", "values": "double"}]}},
  {"name": "b", "type": ["null", {"type": "int", "logicalType": "date"}]},
  {"name": "c", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
  {"name": "d", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
  {"name": "e", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
  {"name": "f", "type": ["null", {"type": "int", "logicalType": "time-millis"}]},
  {"name": "g", "type": ["null", {"type": "enum", "name": "e", "symbols": ["X"]}]}]}"""
PROTO = """syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/any.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto";
message M { string a = 1; repeated M b = 2; map<string, M> c = 3; google.protobuf.Timestamp d = 4; double e = 5;
google.protobuf.Struct f = 6; google.protobuf.Any g = 7; google.protobuf.Duration h = 8;
google.protobuf.FieldMask i = 9; repeated int64 j = 10; }"""

# Pieces that mean something in some format, put together in any order.
PIECES = (
    b"<a>|</a>|<a b='c'>|<a/>|<!DOCTYPE a [|<!ENTITY x 'y'>|]>|&x;|&amp;|<![CDATA[|]]>|<?xml version='1.0' encoding='|"
    b"<!--|-->|<table>|<tr>|<th>|<td>|<td colspan=9 rowspan=9>|</table>|<thead>|<div>|<script>|<meta charset=|utf-16|"
    b"idna|'>|---\n|# a\n|## b\n|- |> |```\n|[a](b)|![|*a_|**|`|a: |&a |*a|{|}|[|]|,|\"|''|\n|\r\n|\t|  |a,b\n|1|1e999|"
    b"99999999999999999999|true|null|\\|\x00|\xff|\xc3\xa9|\xef\xbb\xbf|\xff\xfe|\x0a\x01a|\x12\x00|\x12\x02\x12\x00|"
    b"\x22\x02\x08\x7f|\x32\x02\x0a\x00|\x3a\x02\x0a\x00|\x02|\x04|\x80\x80\x01|! |!!python/object:os.system|%YAML 1.1\n"
).split(b"|")
CHARSETS = st.sampled_from([None, "text/x", "a/b; charset=latin1", "a/b; charset=utf-16", "a/b; charset=idna", "; ="])
BODIES = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from([*PIECES, b"|"]), max_size=40).map(b"".join),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    # The same over and over: what nests, and what repeats.
    st.tuples(st.sampled_from([*PIECES, b"|"]), st.sampled_from(PIECES), st.integers(1, 3000)).map(
        lambda it: it[1] + it[0] * it[2]
    ),
)


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[bytes, str | None], object]]:
    directory: Path = tmp_path_factory.mktemp("schemas")
    (directory / "avro").write_text(AVRO)
    (directory / "protobuf").write_text(PROTO)
    at: Any = SimpleNamespace(operation=SimpleNamespace(output={}), outputs=())
    out = {}
    for key, mapper in load().output_mappers.items():
        schema = {"outputSchema": directory / key} if key in ("avro", "protobuf") else {}
        out[key] = mapper.compile(mapper.options(**schema), at)
    return out


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, content_type=CHARSETS)
def test_any_bytes_are_data_or_not_of_the_format(
    decoders: dict[str, Callable[[bytes, str | None], object]], format: str, body: bytes, content_type: str | None
) -> None:
    with at_most(QUICK):
        try:
            data = decoders[format](body, content_type)
        except ValueError:
            data = None

    json_text.decode(msgspec.json.encode(data))


def test_every_format_is_tried(decoders: dict[str, object]) -> None:
    assert FORMATS == sorted(decoders)
