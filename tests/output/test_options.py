"""What stands beside `outputRawFormat`: known options are checked, unknown ones told, files found where they may lie."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

UNTOUCHED = "- {type: object, mapping: $.}"
AVRO = '{"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]}'


@pytest.mark.parametrize(
    ("format", "beside", "what"),
    [
        ("json", "outputSchema: x", "'outputSchema' means nothing to the format 'json'"),
        ("csv", "outputMediaType: text/csv", "'outputMediaType' means nothing to the format 'csv'"),
        ("html", "maxBinarySize: 1MiB", "'maxBinarySize' means nothing to the format 'html'"),
        ("tsv", "outputSchema: x", "'outputSchema' means nothing to the format 'tsv'"),
    ],
)
def test_what_means_nothing_is_told_and_changes_nothing(
    compiled: Callable[..., Any], format: str, beside: str, what: str
) -> None:
    found = compiled(format, beside)
    said = [d for d in found.diagnostics if d.code == "bad-format-option"]

    assert [("warning", what, "remove it", 15)] == [(d.severity, d.message, d.hint, d.at.line) for d in said]
    assert [1, 1] == [len(exposure.calls) for exposure in found.plan.exposures]


@pytest.mark.parametrize(
    ("format", "beside", "what", "at"),
    [
        ("avro", "", "the format 'avro' needs 'outputSchema'", (12, 9)),
        ("protobuf", "", "the format 'protobuf' needs 'outputSchema'", (12, 9)),
        ("html", "outputSchema: 'a['", "'a[' is not a CSS selector: Expected ident or '*', got <EOF at 2>", (15, 23)),
        ("html", "outputSchema: 'td::text'", "'td::text' is not a CSS selector: Pseudo-elements are not", (15, 23)),
        ("binary", "maxBinarySize: 10 apples", "'10 apples' is not a size", (15, 24)),
        ("binary", "maxBinarySize: -1MiB", "'-1MiB' is not a size", (15, 24)),
        ("binary", "outputMediaType: png", "'png' is not a media type", (15, 26)),
        ("binary", 'outputMediaType: "image/png\\r\\nX-Evil: 1"', "is not a media type", (15, 26)),
    ],
)
def test_what_is_wrong_leaves_the_operation_out(
    compiled: Callable[..., Any], format: str, beside: str, what: str, at: tuple[int, int]
) -> None:
    said = [d for d in compiled(format, beside).diagnostics if d.code == "bad-format-option"]

    assert 2 == len(said)  # one for each face
    for diagnostic in said:
        assert what in diagnostic.message
        assert at == (diagnostic.at.line, diagnostic.at.column)


@pytest.mark.parametrize("beside", ["maxBinarySize: much", "outputMediaType: png"])
def test_what_is_wrong_is_told_of_untouched_answers_too(compiled: Callable[..., Any], beside: str) -> None:
    codes = [d.code for d in compiled("binary", beside, UNTOUCHED).diagnostics]

    assert 2 == codes.count("bad-format-option")


def test_nothing_is_asked_of_a_format_that_nobody_reads(compiled: Callable[..., Any]) -> None:
    found = compiled("avro", "outputSchema: absent.avsc", UNTOUCHED)

    assert [1, 1] == [len(exposure.calls) for exposure in found.plan.exposures]


@pytest.mark.parametrize("format", ["JSON", "Xml", "CSV"])
def test_formats_are_read_in_any_case(compiled: Callable[..., Any], format: str) -> None:
    assert format.lower() == compiled(format).plan.operations[0].format


def test_an_unknown_format_is_told_where_it_stands(compiled: Callable[..., Any]) -> None:
    said = next(d for d in compiled("toml").diagnostics if d.code == "unknown-format")

    assert (14, 26) == (said.at.line, said.at.column)
    assert "offered are avro, binary, csv, html, json, markdown, protobuf, psv, text, tsv, xml, yaml" in said.message


@pytest.mark.parametrize(
    ("format", "module", "hint"),
    [
        ("avro", "fastavro", "pip install 'cap-core[avro]'"),
        ("protobuf", "grpc_tools", "pip install 'cap-core[protobuf]'"),
        ("protobuf", "google.protobuf", "pip install 'cap-core[protobuf]'"),
    ],
)
def test_a_library_that_is_not_installed_is_one_warning_with_the_remedy(
    tmp_path: Path,
    compiled: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    module: str,
    hint: str,
) -> None:
    (tmp_path / "a.schema").write_text(AVRO)
    monkeypatch.setitem(sys.modules, module, None)  # what `import` looks at first: not there
    said = [d for d in compiled(format, "outputSchema: a.schema").diagnostics if d.code == "unknown-format"]

    assert {(hint, 14)} == {(d.hint, d.at.line) for d in said}
    assert f"the format {format!r} needs" in said[0].message


@pytest.mark.parametrize(
    ("named", "allowed", "served"),
    [
        pytest.param("r.avsc", (), True, id="beside"),
        pytest.param("./below/../r.avsc", (), True, id="a-way-round"),
        pytest.param("../outside/r.avsc", (), False, id="outside"),
        pytest.param("link.avsc", (), False, id="a-link-outside"),
        pytest.param("{outside}/r.avsc", (), False, id="an-absolute-path"),
        pytest.param("{outside}/r.avsc", ("outside",), True, id="an-absolute-path-allowed"),
        pytest.param("../outside/r.avsc", ("outside",), True, id="outside-allowed"),
        pytest.param("link.avsc", ("outside",), True, id="a-link-outside-allowed"),
        pytest.param("below", (), False, id="a-directory"),
        pytest.param("", (), False, id="nothing"),
    ],
)
def test_files_lie_below_the_document_or_where_it_is_allowed(
    tmp_path: Path, compiled: Callable[..., Any], named: str, allowed: tuple[str, ...], served: bool
) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "below").mkdir()
    for path in (tmp_path / "r.avsc", outside / "r.avsc"):
        path.write_text(AVRO)
    (tmp_path / "link.avsc").symlink_to(outside / "r.avsc")
    named = named.replace("{outside}", str(outside)).replace("../outside", f"../{outside.name}")
    found = compiled("avro", f"outputSchema: '{named}'", allow_files=(outside,) if allowed else ())

    assert served == (found.plan is not None)
    if not served:
        assert "bad-format-option" in {d.code for d in found.diagnostics}
