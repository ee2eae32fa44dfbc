"""Finds and compiles the documents that a command names, with the options of the settings."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence

import click
import msgspec

from cap_core.cli.shared_names import check_namespaces, namespaces
from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.diagnostics.report import Report
from cap_core.document.sources import DocumentSource, locate
from cap_core.errors import CapError, ConfigError, Mark, SpecError
from cap_core.logging.redaction import hidden
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.variables import Given
from cap_core.plugins.loader import load
from cap_core.plugins.registry import Registry
from cap_core.settings.table import Settings
from cap_core.syntax.dotenv import read_dotenv


class Document(msgspec.Struct, frozen=True):
    """A document, compiled."""

    source: DocumentSource
    compiled: Compiled

    @property
    def refusal(self) -> SpecError:
        """The first error of a document that is refused."""
        why = self.compiled.refusal
        if why is None:
            return SpecError("nothing in it can be served", at=Mark(self.source.file))
        return SpecError(why.message, at=why.at, hint=why.hint, code=why.code)


def _print(line: str) -> None:
    click.echo(line, err=True)


def registry_of(settings: Settings, say: Callable[[str], None] = _print) -> Registry:
    """The registry of the plugins that the settings allow; `say` is told of one that takes long to import."""
    only = None if settings.only_plugins is None else frozenset(settings.only_plugins)
    return load(block=frozenset(settings.block), files=settings.plugins, only=only, say=say)


def compile_options(settings: Settings) -> CompileOptions:
    """The options of the settings for compiling. Raises `ConfigError` for an invalid dotenv file."""
    given = {name: Given(value, _origin(settings, "set", name)) for name, value in settings.values.items()}
    return CompileOptions(
        base_uris={ns: Given(url, _origin(settings, "base-uri", ns)) for ns, url in settings.base_uris.items()},
        values=_dotenv(settings) | given,
        allow_plaintext=frozenset(settings.allow_plaintext),
        allow_files=settings.allow_files,
        caller_auth=settings.caller_auth,
        caller_auth_origin=_origin(settings, "caller-auth"),
    )


def _origin(settings: Settings, *path: str) -> str:
    """The origin of a value, for people; a flag by its name."""
    origin = settings.origin(*path)
    return f"--{path[0]}" if origin == "flag" else origin


def _dotenv(settings: Settings) -> dict[str, Given]:
    path = settings.env_file
    if path is None:
        return {}
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {reason}", hint=f"correct {_origin(settings, 'env-file')}") from None
    return {name: Given(value, f"{path}:{line}") for name, (value, line) in read_dotenv(text, str(path)).items()}


def compile_documents(settings: Settings, registry: Registry, names: Sequence[str]) -> tuple[Document, ...]:
    """The documents of these names, compiled. Raises `ConfigError` for an unknown name or namespace."""
    compiled = tuple(compile_each(settings, registry, locate(names, registry.capabilities)))
    plans = [document.compiled.plan for document in compiled]
    if all(plans):  # what a refused document consumes is not known
        check_namespaces(settings, (name for plan in plans if plan is not None for name in namespaces(plan)))
    return compiled


def compile_each(settings: Settings, registry: Registry, sources: Iterable[DocumentSource]) -> Iterator[Document]:
    """The compiled documents; each is compiled when the iterator reaches it."""
    options = compile_options(settings)
    for source in sources:
        yield Document(source, _compiled(source, registry, options, debug=settings.log_level == "debug"))


def _compiled(source: DocumentSource, registry: Registry, options: CompileOptions, *, debug: bool) -> Compiled:
    """One document, compiled. An unexpected error is a diagnostic of this document, so that others are not affected."""
    try:
        return compile_source(source, registry, options)
    except CapError:  # an error of a plugin or the command line, and not of the document
        raise
    except Exception as error:
        if debug:
            click.echo(hidden("".join(traceback.format_exception(error))), err=True)
        report = Report()
        what = "the document cannot be compiled; this should not have happened"
        report.add("unreadable", Mark(source.file, 1, 1), what)
        return Compiled(None, report.sorted())


def single_plan(settings: Settings, registry: Registry, name: str) -> CapabilityPlan:
    """The plan of the document of this name. Raises `CapError` if it is refused, or if there are several."""
    found = compile_documents(settings, registry, [name])
    if len(found) > 1:
        listed = ", ".join(document.source.name for document in found[:8])
        raise ConfigError(f"{name!r} holds several documents: {listed}", hint="name one of them")
    plan = found[0].compiled.plan
    if plan is None:
        raise found[0].refusal
    return plan
