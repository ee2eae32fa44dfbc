"""The documents a command names, compiled as the settings say."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.diagnostics.report import Report
from cap_core.document.sources import DocumentSource, locate
from cap_core.errors import CapError, ConfigError, Mark, SpecError
from cap_core.logging.redaction import hidden
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.variables import Given
from cap_core.plugins.loader import load
from cap_core.plugins.registry import Registry
from cap_core.settings.rows import rows
from cap_core.settings.table import Settings
from cap_core.syntax.dotenv import read_dotenv
from cap_core.syntax.names import near


class Document(msgspec.Struct, frozen=True):
    """A document and what compiling it gave."""

    source: DocumentSource
    compiled: Compiled

    @property
    def refusal(self) -> SpecError:
        """The first error of a document that is refused."""
        why = self.compiled.refusal
        if why is None:
            return SpecError("nothing in it can be served", at=Mark(self.source.file))
        return SpecError(why.message, at=why.at, hint=why.hint, code=why.code)


def registry_of(settings: Settings) -> Registry:
    """What the plugins offer that these settings let in."""
    only = None if settings.only_plugins is None else frozenset(settings.only_plugins)
    return load(block=frozenset(settings.block), files=settings.plugins, only=only)


def compile_options(settings: Settings) -> CompileOptions:
    """What the settings add to documents. Raises `ConfigError` where the dotenv file is not one."""
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
    """Where a value came from, for people: a flag by its name."""
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
    """The documents that `names` mean, compiled. Raises `ConfigError` for a name or a namespace that means nothing."""
    compiled = tuple(compile_each(settings, registry, locate(names, registry.capabilities)))
    plans = [document.compiled.plan for document in compiled]
    if all(plans):
        check_namespaces(settings, (name for plan in plans if plan is not None for name in namespaces(plan)))
    return compiled


def compile_each(settings: Settings, registry: Registry, sources: Iterable[DocumentSource]) -> Iterator[Document]:
    """Each document, compiled when it is asked for."""
    options = compile_options(settings)
    for source in sources:
        yield Document(source, _compiled(source, registry, options, debug=settings.log_level == "debug"))


def _compiled(source: DocumentSource, registry: Registry, options: CompileOptions, *, debug: bool) -> Compiled:
    """One document, compiled. What nobody foresaw costs this document and none beside it."""
    try:
        return compile_source(source, registry, options)
    except CapError:  # a plugin's, or the command line's, for which no document is to blame
        raise
    except Exception as error:
        if debug:
            click.echo(hidden("".join(traceback.format_exception(error))), err=True)
        report = Report()
        what = "the document cannot be compiled; this should not have happened"
        report.add("unreadable", Mark(source.file, 1, 1), what)
        return Compiled(None, report.sorted())


def single_plan(settings: Settings, registry: Registry, name: str) -> CapabilityPlan:
    """The plan of the one document that `name` means. Raises `CapError` for a refused one, and for several."""
    found = compile_documents(settings, registry, [name])
    if len(found) > 1:
        listed = ", ".join(document.source.name for document in found[:8])
        raise ConfigError(f"{name!r} holds several documents: {listed}", hint="name one of them")
    plan = found[0].compiled.plan
    if plan is None:
        raise found[0].refusal
    return plan


def namespaces(plan: CapabilityPlan) -> Iterator[str]:
    """What the command line may call the namespaces of a document."""
    for one in plan.consumed:
        yield from (one.namespace, one.key)


def check_namespaces(settings: Settings, names: Iterable[str]) -> None:
    """A namespace on the command line that nothing consumes is a mistake; a file may speak of other documents too.

    Raises `ConfigError` where a flag speaks of none of `names`.
    """
    known = set(names)
    tables = {row.name: row for row in rows()}
    given = [("base-uri", name) for name in settings.base_uris if settings.origin("base-uri", name) == "flag"]
    if settings.origin("allow-plaintext") == "flag":
        given += [("allow-plaintext", name) for name in settings.allow_plaintext]
    for setting, name in given:
        if name not in known:
            hint = near(name, known) or f"consumed here: {', '.join(sorted(known)) or 'nothing'}"
            raise ConfigError(f"{tables[setting].flag} {name}: no such namespace is consumed", hint=hint)
