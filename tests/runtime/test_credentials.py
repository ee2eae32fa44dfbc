"""Credentials that no transport would send are refused at their place in the document, not at the first call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import CapError
from cap_core.plugins import loader
from cap_core.testing import gateway

REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"


@pytest.mark.parametrize("value", ["k\n", "k\r\nX-Evil: 1", "k\0", "\x7f"], ids=repr)
def test_a_value_with_a_control_character_stops_the_start(
    things: Callable[..., Path], get_thing: str, value: str
) -> None:
    document = things("authentication: {type: bearer, token: '{{THINGS_KEY}}'}\n" + get_thing, REST)

    with (
        pytest.raises(CapError, match=r"things.yaml:11:\d+: error\[bad-auth\]: the header Authorization would hold"),
        gateway(document, values={"THINGS_KEY": value}),
    ):
        pass


@pytest.mark.parametrize("name", ["X Key", "X-Key:", "", "Schlüssel"])
def test_a_name_that_is_none_refuses_the_document(things: Callable[..., Path], get_thing: str, name: str) -> None:
    auth = f"authentication: {{type: apikey, key: '{name}', value: '{{{{THINGS_KEY}}}}', placement: header}}\n"
    source = DocumentSource("things", "things.yaml", things(auth + get_thing, REST))
    out = compile_source(source, loader.load(), CompileOptions())

    assert f"error[bad-auth]: {name!r} is not the name of a header" in str(out.refusal)
