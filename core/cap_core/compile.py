"""A document to a frozen plan, or the diagnostics that say why not."""

from __future__ import annotations

from pathlib import Path

import msgspec

from cap_core import bindings, later
from cap_core.calls import Callees
from cap_core.compilation import Compilation, CompileOptions
from cap_core.consumed import Callee
from cap_core.consumes import namespace
from cap_core.dialects import normalize
from cap_core.documents import Map, Node, Scalar, Seq, load, resolve
from cap_core.errors import Mark, PluginError, SpecError
from cap_core.exposes import exposures
from cap_core.model import Bind, ConsumedParameter, Document, texts
from cap_core.names import near
from cap_core.plan import About, CapabilityPlan, ExposurePlan, Stakeholder
from cap_core.plugins import Offers
from cap_core.reading import read
from cap_core.remarks import remark
from cap_core.report import Diagnostic, Report
from cap_core.sources import Source

__all__ = ["CompileOptions", "Compiled", "compile_source"]


class Compiled(msgspec.Struct, frozen=True):
    """One document's plan, or None where it is refused, and everything there is to say about it."""

    plan: CapabilityPlan | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def refusal(self) -> Diagnostic | None:
        """The first error, where there is one."""
        return next((d for d in self.diagnostics if d.severity == "error"), None)


def compile_source(source: Source, offers: Offers, options: CompileOptions) -> Compiled:
    """Compile one document. A bad document gives diagnostics, never an exception."""
    report = Report()
    try:
        plan = _plan(Compilation(source, offers, options, report))
    except SpecError as error:
        at = error.at or Mark(source.file)
        item = report.add(error.code or "not-a-capability", at, error.what, hint=error.hint or None)
        report.escalate(item)
        plan = None
    if plan is None or report.failed:
        return Compiled(None, report.summed())
    report.extend(_said_by_rules(plan, offers))
    served = None if report.failed else msgspec.structs.replace(plan, diagnostics=report.sorted())
    return Compiled(served, report.summed())


def _said_by_rules(plan: CapabilityPlan, offers: Offers) -> tuple[Diagnostic, ...]:
    """What the plugins' lint rules say. Raises `PluginError` for a rule that fails: the document is not to blame."""
    found: list[Diagnostic] = []
    for rule in offers.rules:
        try:
            found += rule.diagnose(plan)
        # Somebody else's code, as where plugins are asked.
        except Exception as error:
            raise PluginError(f"the diagnostic rule {rule.key!r} fails: {error}", hint="see 'cap plugins'") from error
    return tuple(found)


def _plan(compilation: Compilation) -> CapabilityPlan | None:
    document = _document(compilation)
    if document is None:
        return None
    about = _about(document, compilation.source)
    compilation.bindings = _bindings(document, compilation)
    _elsewhere(document, compilation)
    namespaces = [namespace(entry, compilation) for entry in document.capability.consumes if not entry.imported]
    known = [callee for _, operations in namespaces for callee in operations]
    nodes = document.capability.exposes
    nodes = None if isinstance(nodes, Scalar) and resolve(nodes) is None else nodes
    if nodes is not None and not isinstance(nodes, Seq):
        raise SpecError("'exposes' must be a list", at=nodes.mark, code="wrong-type")
    plans = exposures(nodes or (), about, Callees(known), compilation)
    _broken(known, compilation)
    remark(document.capability.consumes, plans, compilation.say)
    if not compilation.report.failed and not any(plan.calls for plan in plans):
        _nothing_live(document, plans, compilation)
    return CapabilityPlan(
        about=about,
        consumed=tuple(consumed for consumed, _ in namespaces),
        operations=tuple(callee.operation for callee in known),
        exposures=tuple(plans),
        variables=(*compilation.bindings.variables.values(), *compilation.operator.values()),
        diagnostics=(),
    )


def _document(compilation: Compilation) -> Document | None:
    source = compilation.source
    try:
        data = source.path.read_bytes()
    except OSError:
        raise SpecError("the file cannot be read", at=Mark(source.file), code="not-yaml") from None
    tree = normalize(load(data, source.file), compilation.say)
    _refuse_parts(tree)
    return read(tree, Document, compilation.say, "the document")


def _refuse_parts(tree: Map) -> None:
    """A file without `capability` that holds one of its sections is there for other files to import."""
    if "capability" in tree:
        return
    for key in tree:
        if hint := near(key, ["capability"]):
            what = f"the document has no 'capability', but {str(key)!r}"
            raise SpecError(what, at=key.mark, code="missing-key", hint=hint)
    for key in tree:
        found = later.construct("standalone", key)
        if found is not None:
            what = f"the file has no 'capability', only {str(key)!r}: {found.said}"
            raise SpecError(what, at=key.mark, code=found.code, hint="serve the file that imports it")


def _about(document: Document, source: Source) -> About:
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


def _bindings(document: Document, compilation: Compilation) -> bindings.Bindings:
    source = compilation.source
    return bindings.declare(
        [bind for bind in (*document.binds, *document.capability.binds) if _stands_here(bind, compilation)]
        + [_variable(p) for entry in document.capability.consumes for p in entry.environment],
        compilation.offers.bindings,
        compilation.options.values,
        source.defaults,
        capability=source.name,
        directories=(source.path.resolve().parent, Path.cwd()),
        allowed=compilation.options.allow_files,
        say=compilation.say,
    )


def _variable(parameter: ConsumedParameter) -> Bind:
    """A consumed parameter `in: environment` declares a variable of its name."""
    keys = Map({Scalar(parameter.name, parameter.at): Scalar(parameter.name, parameter.at)})
    keys.mark = parameter.at
    return Bind(at=parameter.at, keys=keys)


def _stands_here(bind: Bind, compilation: Compilation) -> bool:
    """Whether a `binds` entry can be read; one of another file leaves its names undeclared."""
    if bind.imported:
        key = next(key for key in ("import", "from") if key in bind.given())
        name = bind.namespace or (bind.as_ if isinstance(bind.as_, Scalar) else "")
        subject = f"the entry {str(name)!r} of 'binds'" if name else "an entry of 'binds'"
        later.report("bind", key, bind.at, subject, compilation.say)
        return False
    for key in ("namespace", "keys"):
        if key not in bind.marks or (key == "namespace" and not bind.namespace):
            raise SpecError(f"an entry of 'binds' has no {key!r}", at=bind.at, code="missing-key")
    return True


def _broken(known: list[Callee], compilation: Compilation) -> None:
    """What makes an operation uncallable, or its answers unreadable, is said once at its own place, called or not."""
    said = {(item.code, item.at) for item in compilation.report}
    for callee in known:
        broken = callee.broken
        if broken is not None and (broken.code, broken.at) not in said:
            compilation.say(broken.code, broken.at, broken.what, broken.hint)
        operation = callee.operation
        at = operation.marks.get("outputRawFormat", operation.at)
        if operation.format not in compilation.offers.output_mappers and ("unknown-format", at) not in said:
            what = f"no plugin decodes outputRawFormat {operation.format!r}; answers are handed on untouched"
            hint = near(operation.format, compilation.offers.output_mappers) or None
            compilation.say("unknown-format", at, what, hint)


def _elsewhere(document: Document, compilation: Compilation) -> None:
    """What stands in another file or another place than it is read from; calls to it are left out."""
    for key in document.given():
        if later.construct("document", key) is not None:
            why = later.report("document", key, document.mark(key), f"{key!r} at the root", compilation.say)
            if key == "consumes":
                compilation.causes.append(why)
                compilation.elsewhere |= {name: why for name in _namespaces(document.consumes)}
    later.left_out([("capability", document.capability)], "'aggregates'", compilation.say)
    for entry in document.capability.consumes:
        if entry.imported:
            what = f"the namespace {entry.called or '(unnamed)'!r}"
            key = next(key for key in ("import", "from", "location", "ref") if key in entry.given())
            why = later.report("consumes", key, entry.at, what, compilation.say)
            compilation.causes.append(why)
            compilation.elsewhere[entry.called] = why


def _namespaces(node: Node | None) -> list[str]:
    """The namespaces of a `consumes` list that is not read."""
    entries = node if isinstance(node, Seq) else ()
    return [str(entry[key]) for entry in entries if isinstance(entry, Map) for key in entry if key == "namespace"]


def _nothing_live(document: Document, plans: list[ExposurePlan], compilation: Compilation) -> None:
    """One error at the first cause: an import or an authentication, then the first dead call, then what is not built,
    then the document."""
    dead = [left_out.why for plan in plans for left_out in plan.quarantined]
    in_order = sorted(dead, key=lambda d: (d.code == "no-call", d.at.line, d.at.column))
    later_ones = sorted((d for d in compilation.report if d.code.startswith("not-built-")), key=_place)
    causes = [*sorted(compilation.causes, key=_place), *in_order, *later_ones]
    if causes:
        compilation.report.escalate(causes[0])
    else:
        compilation.say("nothing-live", document.capability.at, "the document exposes nothing that can be called")


def _place(item: Diagnostic) -> tuple[int, int]:
    return item.at.line, item.at.column
