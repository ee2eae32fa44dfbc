"""Compiles one document to a frozen plan, or to the diagnostics that say why it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from cap_core.compile.adapters import compile_adapter
from cap_core.compile.exposures import exposures
from cap_core.compile.lint import lint
from cap_core.compile.resolve_call import OperationIndex
from cap_core.compile.state import Compilation, CompileOptions
from cap_core.compile.target import Target
from cap_core.compile.variables import Bindings, BindingSources, declare
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.document import unsupported
from cap_core.document.dialects import normalize
from cap_core.document.model import Bind, ConsumedParameter, ConsumesEntry, Document, texts
from cap_core.document.reader import read
from cap_core.document.repeated import without_repeated
from cap_core.document.sources import DocumentSource
from cap_core.errors import Mark, SpecError
from cap_core.plan.plan import About, CapabilityPlan, ExposurePlan, Stakeholder
from cap_core.plugins.registry import Registry
from cap_core.syntax.names import near
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, load, resolve

__all__ = ["CompileOptions", "Compiled", "compile_source"]


class Compiled(msgspec.Struct, frozen=True):
    """One document's plan, or None where it is refused, and its diagnostics."""

    plan: CapabilityPlan | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def refusal(self) -> Diagnostic | None:
        """The first error, where there is one."""
        return next((d for d in self.diagnostics if d.severity == "error"), None)


def compile_source(source: DocumentSource, registry: Registry, options: CompileOptions) -> Compiled:
    """Compile one document. A bad document gives diagnostics, never an exception."""
    diagnostics = Report()
    try:
        plan = _compile_plan(Compilation(source, registry, options, diagnostics))
    except SpecError as error:
        at = error.at or Mark(source.file)
        item = diagnostics.add(error.code or "not-a-capability", at, error.what, hint=error.hint or None)
        diagnostics.escalate(item)
        plan = None
    if plan is None or diagnostics.failed:
        return Compiled(None, diagnostics.summed())
    diagnostics.extend(_run_rules(plan, registry))
    served = None if diagnostics.failed else msgspec.structs.replace(plan, diagnostics=diagnostics.sorted())
    return Compiled(served, diagnostics.summed())


def _run_rules(plan: CapabilityPlan, registry: Registry) -> tuple[Diagnostic, ...]:
    """The diagnostics of the plugins' lint rules. Raises `PluginError` for a rule that fails."""
    return tuple(item for rule in registry.rules for item in rule.diagnose(plan))


def _compile_plan(compilation: Compilation) -> CapabilityPlan | None:
    document = _read_document(compilation)
    if document is None:
        compilation.diagnostics.escalate(next(_unreadable(compilation)))
        return None
    compilation.unread = [*document.unread(), *document.capability.unread()]
    about = _about(document, compilation.source)
    compilation.bindings = _bindings(document, compilation)
    _report_unread(document, compilation)
    entries = document.capability.consumes
    adapters = [compile_adapter(entry, compilation) for entry in entries if _is_named(entry, compilation)]
    targets = [target for _, operations in adapters for target in operations]
    exposed = exposures(_exposed_nodes(document), about, OperationIndex(targets), compilation)
    _report_uncallable(targets, compilation)
    lint(entries, exposed.plans, compilation.bindings, compilation.report)
    if not compilation.diagnostics.failed and not any(plan.calls for plan in exposed.plans):
        _refuse_unservable(document, exposed.plans, compilation)
    return CapabilityPlan(
        about=about,
        consumed=tuple(consumed for consumed, _ in adapters),
        operations=tuple(target.operation for target in targets if target.operation is not None),
        exposures=exposed.plans,
        variables=(*compilation.bindings.variables.values(), *exposed.variables),
        diagnostics=(),
    )


def _is_named(entry: ConsumesEntry, compilation: Compilation) -> bool:
    """Whether an entry is in this file and has a name by which it can be called."""
    if entry.imported:
        return False
    if not entry.namespace:
        found = next(entry.unread(), None)
        what = "an entry of 'consumes' has no 'namespace'; nothing can call it"
        compilation.causes.append(found or compilation.report("missing-key", entry.at, what))
    return bool(entry.namespace)


def _exposed_nodes(document: Document) -> tuple[Node, ...]:
    """The entries of `exposes`, unread. Raises `SpecError` if it is no list."""
    nodes = document.capability.exposes
    if nodes is None or (isinstance(nodes, Scalar) and resolve(nodes) is None):
        return ()
    if not isinstance(nodes, Seq):
        raise SpecError("'exposes' must be a list", at=nodes.mark, code="wrong-type")
    return tuple(nodes)


def _read_document(compilation: Compilation) -> Document | None:
    source = compilation.source
    try:
        data = source.path.read_bytes()
    except OSError:
        raise SpecError("the file cannot be read", at=Mark(source.file), code="not-yaml") from None
    tree = normalize(load(data, source.file), compilation.report)
    _refuse_parts(tree)
    tree = without_repeated(tree, compilation.report)
    return read(tree, Document, compilation.report, "the document")


def _refuse_parts(tree: Map) -> None:
    """Raise `SpecError` for a file without `capability` that has another section, such as `consumes`.

    Such a file is there for other files to import, or its key `capability` is misspelled.
    """
    if "capability" in tree:
        return
    for key in tree:
        if hint := near(key, ["capability"]):
            what = f"the document has no 'capability', but {str(key)!r}"
            raise SpecError(what, at=key.mark, code="missing-key", hint=hint)
    for key in tree:
        found = unsupported.lookup("standalone", key)
        if found is not None:
            what = f"the file has no 'capability', only {str(key)!r}: {found.message}"
            raise SpecError(what, at=key.mark, code=found.code, hint="serve the file that imports it")


def _about(document: Document, source: DocumentSource) -> About:
    info = document.info
    if info is None:
        return About(name=source.name, title=source.name, description="", version="", file=source.file)
    people = (Stakeholder(one.role or "", one.fullName or "", one.email or "") for one in info.stakeholders)
    return About(
        name=source.name,
        title=info.label or source.name,
        description=info.description or "",
        version=info.version or "",
        file=source.file,
        tags=texts(info.tags),
        created=info.created or "",
        modified=info.modified or "",
        stakeholders=tuple(people),
    )


def _bindings(document: Document, compilation: Compilation) -> Bindings:
    source = compilation.source
    entries = [bind for bind in (*document.binds, *document.capability.binds) if _is_readable(bind, compilation)]
    environment = [_variable(p) for entry in document.capability.consumes for p in entry.environment]
    context = BindingSources(
        capability=source.name,
        resolvers=compilation.registry.bindings,
        given=compilation.options.values,
        defaults=source.defaults,
        directories=_directories(source),
        allowed=compilation.options.allow_files,
    )
    return declare([*entries, *environment], context, compilation.report)


def _directories(source: DocumentSource) -> tuple[Path, ...]:
    """Where the files that a document names may lie: beside it and below; below the working directory too, if the
    document itself is there, and so is the operator's own."""
    beside, here = source.path.resolve().parent, Path.cwd()
    return (beside, here) if beside.is_relative_to(here.resolve()) else (beside,)


def _variable(parameter: ConsumedParameter) -> Bind:
    """A consumed parameter `in: environment` declares a variable of its name."""
    keys = Map({Scalar(parameter.name, parameter.at): Scalar(parameter.name, parameter.at)})
    keys.mark = parameter.at
    return Bind(at=parameter.at, keys=keys)


def _is_readable(bind: Bind, compilation: Compilation) -> bool:
    """Whether a `binds` entry is in this file; the names of an imported one stay undeclared. Raises `SpecError`."""
    if bind.imported:
        key = next(key for key in ("import", "from") if key in bind.given())
        name = bind.namespace or (bind.as_ if isinstance(bind.as_, Scalar) else "")
        subject = f"the entry {str(name)!r} of 'binds'" if name else "an entry of 'binds'"
        unsupported.report_key("bind", key, bind.at, subject, compilation.report)
        return False
    for key in ("namespace", "keys"):
        if key not in bind.marks or (key == "namespace" and not bind.namespace):
            raise SpecError(f"an entry of 'binds' has no {key!r}", at=bind.at, code="missing-key")
    return True


def _report_uncallable(targets: list[Target], compilation: Compilation) -> None:
    """Report, once for each consumed operation, why it cannot be called or its answers cannot be read.

    It is reported even if nothing calls the operation.
    """
    reported = {(item.code, item.at) for item in compilation.diagnostics}
    mappers = compilation.registry.output_mappers
    for target in targets:
        why = target.rejection
        if why is not None and (why.code, why.at) not in reported:
            compilation.report(why.code, why.at, why.message, why.hint)
        operation = target.operation
        if operation is None:
            continue
        at = operation.marks.get("outputRawFormat", operation.at)
        if operation.format not in mappers and ("unknown-format", at) not in reported:
            what = f"no plugin decodes outputRawFormat {operation.format!r}; answers are handed on untouched"
            compilation.report("unknown-format", at, what, near(operation.format, mappers) or None)


def _report_unread(document: Document, compilation: Compilation) -> None:
    """Report parts that are not read: those at the root instead of in `capability`, aggregates, and imports.

    The namespaces in them are remembered, so that calls to them are rejected with this reason.
    """
    for key in document.given():
        if unsupported.lookup("document", key) is not None:
            why = unsupported.report_key(
                "document", key, document.mark(key), f"{key!r} at the root", compilation.report
            )
            if key == "consumes":
                compilation.causes.append(why)
                compilation.unread_namespaces |= {name: why for name in _namespaces(document.consumes)}
    unsupported.report_unsupported([("capability", document.capability)], "'aggregates'", compilation.report)
    for entry in document.capability.consumes:
        if entry.imported:
            what = f"the namespace {entry.called or '(unnamed)'!r}"
            key = next(key for key in ("import", "from", "location", "ref") if key in entry.given())
            why = unsupported.report_key("consumes", key, entry.at, what, compilation.report)
            compilation.causes.append(why)
            compilation.unread_namespaces[entry.called] = why


def _namespaces(node: Node | None) -> list[str]:
    """The namespaces of a `consumes` list that is not read."""
    entries = node if isinstance(node, Seq) else ()
    return [str(entry[key]) for entry in entries if isinstance(entry, Map) for key in entry if key == "namespace"]


def _refuse_unservable(document: Document, plans: tuple[ExposurePlan, ...], compilation: Compilation) -> None:
    """Report one error for a document of which nothing can be served, at the most likely cause.

    The order of causes: an import or an authentication, what cannot be read, a rejected operation, an unsupported
    construct, the document.
    """
    rejections = [rejected.why for plan in plans for rejected in plan.rejected]
    in_order = sorted(rejections, key=lambda d: (d.code == "no-call", d.at.line, d.at.column))
    not_built = sorted((d for d in compilation.diagnostics if d.code.startswith("not-built-")), key=_place)
    unreadable = sorted(_unreadable(compilation), key=_place)
    misplaced = sorted((d for d in compilation.diagnostics if d.code == "misplaced-key"), key=_place)
    causes = [*sorted(compilation.causes, key=_place), *unreadable, *in_order, *not_built, *misplaced]
    if causes:
        compilation.diagnostics.escalate(causes[0])
    else:
        compilation.report("nothing-live", document.capability.at, "the document exposes nothing that can be called")


def _unreadable(compilation: Compilation) -> Iterator[Diagnostic]:
    """What is reported of parts of the document that could not be read."""
    return (item for item in compilation.diagnostics if item.code in ("wrong-type", "missing-key"))


def _place(item: Diagnostic) -> tuple[int, int]:
    return item.at.line, item.at.column
