"""The settings as Markdown, for the documentation: `python -m cap_core.cli.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from cap_core.settings.rows import Row, rows
from cap_core.settings.table import UpstreamSettings


def reference() -> str:
    """A table for each group of settings, and one for the keys of an upstream."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for group, members in groupby(rows(), key=lambda row: row.about.group):
        yield f"**{group}**\n\n| flag | meaning | without it |\n|---|---|---|"
        for row in members:
            flag = f"{row.flag} {row.about.metavar or row.kind.metavar}".strip()
            yield f"| `{_cell(flag)}` | {_cell(_meaning(row))} | {_cell(row.without)} |"
        yield ""
    yield "**`[upstreams.<NS>]` of `cap.toml`**\n\n| key | meaning | without it |\n|---|---|---|"
    for row in rows(UpstreamSettings):
        yield f"| `{row.name}` | {_cell(row.about.help)} | {_cell(row.without)} |"


def _meaning(row: Row) -> str:
    return row.about.help + (" Repeatable." if row.many else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(reference(), end="")
