"""Which upstreams share connections: equal ones do, also across a reload; a renewed certificate makes another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cap_core.plan.upstream import Timeouts, Tls
from cap_core.runtime.base_uri import Base
from cap_core.runtime.pools import upstream_of


@pytest.mark.parametrize("which", ["ca", "certificate", "key"])
def test_a_renewed_file_makes_another_upstream(tmp_path: Path, which: str) -> None:
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca", "certificate", "key")}
    for file in files.values():
        Path(file).write_text("old")

    def now() -> object:
        return upstream_of(Base("https", "api.example", 443, ""), Timeouts(), Tls(**files), None, 0)

    before = now()
    assert before == now()
    Path(files[which]).write_text("new")
    os.utime(files[which], ns=(1, 1))

    assert before != now()
