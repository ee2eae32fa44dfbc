"""What is written is true: tables are the code's own, examples run, references and links lead somewhere.

`make docs` writes the tables anew.
"""

from __future__ import annotations

import doctest
import inspect
import os
import re
import runpy
import shlex
import signal
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import msgspec
import pytest
from test_architecture import ORDER

from cap_core import testing
from cap_core.cli import COMMANDS, main
from cap_core.cli.options import SettingOption
from cap_core.cli.reference import reference
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import (
    auth,
    binding,
    capabilities,
    exposure,
    interception,
    lint,
    loader,
    output,
    transport,
)
from cap_core.server import problems
from cap_core.settings.rows import rows
from keys.page import tables

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "cap_core"
PLUGINS = ROOT / "plugins" / "cap_plugins"
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


# --- tables that the code writes --------------------------------------------------------------------------------------


def table(titles: str, lines: Iterator[str]) -> str:
    return "\n".join([titles, re.sub(r"[^|]+", "---", titles), *lines])


def codes() -> str:
    """The table of diagnostics, read from the file itself: plugins of other tests have written into the one in use."""
    known = runpy.run_path(str(CORE / "diagnostics" / "codes.py"))["CODES"].values()
    return table(
        "| code | severity | meaning | what helps |",
        (f"| `{code.name}` | {code.severity} | {code.meaning} | {escaped(code.remedy)} |" for code in known),
    )


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def packages() -> str:
    """Each package of the core, in the order of the architecture, with what it is and what it may import."""
    names = [name for group in ORDER for name in ((group,) if isinstance(group, str) else group)]
    rows = ((name, *purposes(CORE / name)) for name in names if (CORE / name).is_dir())
    return table("| package | what it is | imports |", (f"| `{n}` | {what} | {imports} |" for n, what, imports in rows))


def purposes(package: Path) -> tuple[str, str]:
    """The first sentence of a package's docstring, and the one that begins with "Imports"."""
    text = " ".join(inspect.cleandoc(docstring(package / "__init__.py")).split())
    found = re.search(r"Imports (.+?)\.(?=\s|$)", text)
    assert found is not None, package
    return escaped(first_sentence(text)), escaped(found[1])


def file_map() -> str:
    """Every module with its purpose, by package."""
    parts = []
    for root in (CORE, PLUGINS):
        for folder in sorted({path.parent for path in root.rglob("*.py")}):
            name = f"{root.name}/{folder.relative_to(root)}".removesuffix("/.")
            files = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
            if files:
                rows = (f"| `{path.name}` | {escaped(first_sentence(docstring(path)))} |" for path in files)
                parts.append(f"**`{name}`**\n\n{table('| module | purpose |', rows)}")
    return "\n\n".join(parts)


def first_sentence(text: str) -> str:
    first = re.match(r".+?(?:\.(?=\s|$)|$)", " ".join(inspect.cleandoc(text).split("\n\n")[0].split()))
    assert first is not None
    return re.sub(r" \(`docs/[^)]*\)", "", first[0]).rstrip(".") + "."


def docstring(path: Path) -> str:
    found = re.match(r'"""(.*?)"""', path.read_text("utf-8"), re.DOTALL)
    assert found, path
    return found[1]


TABLES = {
    "errors.md": {"codes": codes},
    "architecture.md": {"packages": packages, "modules": file_map},
    "keys.md": {"keys": tables},
    "command-line.md": {"settings": lambda: reference().strip()},
}


def with_tables(page: str, text: str) -> str:
    for name, generate in TABLES.get(page, {}).items():
        begin, end = f"<!-- table: {name} -->", "<!-- end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{generate()}\n\n{end}{after}"
    return text


@pytest.mark.parametrize("page", TABLES)
def test_tables_say_what_the_code_says(page: str) -> None:
    assert with_tables(page, read(page)) == read(page), "run 'make docs'"


def test_every_problem_type_is_documented_with_its_statuses() -> None:
    lines = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*\|[^|]*)\|", read("errors.md"), re.M))
    for slug, title in problems.TITLES.items():
        assert f"| {title} " in f"| {lines[slug].split('|')[1].strip()} ", slug
    code = "".join(path.read_text("utf-8") for path in [*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")])
    for status, slug in re.findall(r'Refusal\(\s*(\d{3}),\s*"([a-z-]+)"', code):
        assert status in lines[slug].split("|")[0], f"{slug} is also a {status}"


# --- everything has its place -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_own_flags(name: str) -> None:
    sections = re.split(r"^## ", read("command-line.md"), flags=re.M)
    section = next(text for text in sections if text.startswith(f"cap {name}\n"))
    command = import_module(f"cap_core.cli.{command_module(name)}").command
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not isinstance(parameter, SettingOption):
            assert f"`{parameter.opts[0]}" in section


def command_module(name: str) -> str:
    """`cap list` is not in `list.py`, which would hide the builtin."""
    return name if (CORE / "cli" / f"{name}.py").exists() else "installed"


SEAMS = (auth, binding, capabilities, exposure, interception, lint, output, transport)
STRUCTS = {
    name: kind
    for seam in SEAMS
    for name, kind in vars(seam).items()
    if inspect.isclass(kind) and kind.__module__ == seam.__name__
}


@pytest.mark.parametrize("name", [n for n, kind in STRUCTS.items() if issubclass(kind, msgspec.Struct)])
def test_every_offer_and_context_is_documented_with_its_fields(name: str) -> None:
    text = read("plugins.md")
    assert f"`{name}`" in text
    for field in STRUCTS[name].__struct_fields__:
        assert f"`{field}`" in text, f"{name}.{field}"


def test_the_testing_kit_is_documented_with_its_arguments() -> None:
    text = read("plugins.md")
    for argument in (*inspect.signature(testing.gateway).parameters, *testing.Answered.__struct_fields__):
        assert f"`{argument}`" in text or f"`*{argument}`" in text, argument


def plain(heading: str) -> str:
    return re.sub(r"^(\d+\. )?(the )?", "", heading.strip().lower())


REFERENCES = [
    (str(path.relative_to(ROOT)), page, section)
    for folder in ("core", "plugins", "tests", "capabilities")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__)
    for page, section in re.findall(
        r"`?docs/([a-z-]+\.md)`?(?:, ([^).:;`\"]+))?", re.sub(r"\s*\n\s*(?:# )?", " ", path.read_text("utf-8"))
    )
]


@pytest.mark.parametrize(("source", "page", "section"), REFERENCES)
def test_references_in_the_code_lead_to_a_section(source: str, page: str, section: str) -> None:
    headings = re.findall(r"^#+ (.+)$", read(page), re.M)
    if found := re.fullmatch(r"(\d+) to (\d+)", section):
        numbers = {int(number) for number in re.findall(r"^## (\d+)\.", read(page), re.M)}
        assert set(range(int(found[1]), int(found[2]) + 1)) <= numbers
    elif section:
        assert {plain(part) for part in section.split(" and ")} <= {plain(heading) for heading in headings}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in (*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'(?:src|href)="([^"]+)"', text)):
        if link.startswith(("https://", "http://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in set(anchors(target.read_text("utf-8"))), link


def anchors(text: str) -> Iterator[str]:
    """Headings as GitHub links to them."""
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- examples ---------------------------------------------------------------------------------------------------------


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    return [text for language, text in found if language in languages]


def files(page: Path) -> dict[str, str]:
    """The examples that say in their first line which file they are; later ones stand in for earlier ones."""
    texts = blocks(page, "yaml", "python", "toml", "sh", "json")
    return {found[1]: text for text in texts if (found := re.match(r"# ([\w./-]+\.\w+)\n", text))}


def write_files(page: Path, where: Path) -> None:
    for name, content in files(page).items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(content)


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to run commands in, whatever this machine is set up for."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CAP_") or name.endswith("_KEY")]:
        monkeypatch.delenv(name)
    on_interrupt = signal.getsignal(signal.SIGINT)  # which `main` leaves to the system
    yield tmp_path
    signal.signal(signal.SIGINT, on_interrupt)


COMMANDS_SHOWN = [(page, text) for page in PAGES for text in blocks(page, "console")]


@pytest.mark.parametrize(("page", "text"), COMMANDS_SHOWN, ids=lambda it: it.name if isinstance(it, Path) else it[2:40])
def test_what_commands_are_said_to_print(page: Path, text: str, alone: Path, capsys) -> None:
    write_files(page, alone)
    for line, expected in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.M):
        main(shlex.split(line)[1:])
        said = capsys.readouterr()
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        same = doctest.OutputChecker().check_output(expected, said.out + said.err, flags)
        assert same, f"$ {line}\n{said.out}{said.err}"


@each_page
def test_commands_use_flags_that_exist(page: Path) -> None:
    known = {row.flag for row in rows()} | {f"--no-{row.name}" for row in rows()} | {"--version", "--help"}
    for name in COMMANDS:
        known |= {o for p in import_module(f"cap_core.cli.{command_module(name)}").command.params for o in p.opts}
    for text in blocks(page, "sh", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            if re.match(r"(\$ )?(\w+=\S* )*cap ", line):
                assert set(re.findall(r"(?<=\s)--[a-z-]+", line.partition(" #")[0])) <= known, line


DOCUMENTS = [
    (page, text) for page in PAGES for text in blocks(page, "yaml") if re.search(r"^(naftiko|ikanos):", text, re.M)
]


@pytest.mark.parametrize(("page", "text"), DOCUMENTS, ids=lambda it: it.name if isinstance(it, Path) else it[2:20])
def test_whole_documents_compile(page: Path, text: str, tmp_path: Path) -> None:
    write_files(page, tmp_path)
    document = tmp_path / "document.yaml"
    document.write_text(text)
    named = re.match(r"# (\w+)", text)
    extra = tmp_path / f"{named[1]}.py" if named else document.with_suffix(".py")
    known = loader.load(files=(extra,) if extra.exists() else ())
    out = compile_source(DocumentSource("document", "document.yaml", document), known, CompileOptions())

    assert out.plan is not None or text.startswith("# refused"), out.refusal


@each_page
def test_examples_are_what_they_claim_to_be(page: Path) -> None:
    for text in blocks(page, "toml"):
        tomllib.loads(text)
    for text in blocks(page, "json"):
        msgspec.json.decode(text)
    for text in blocks(page, "python"):
        compile(text, page.name, "exec")


if __name__ == "__main__":
    for name in TABLES:
        (DOCS / name).write_text(with_tables(name, read(name)), "utf-8")
    sys.exit()
