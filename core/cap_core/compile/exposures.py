"""The `exposes` entries of a document: every exposed operation compiled to a call, or rejected with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from cap_core.compile.authentication import UnusableAuthentication, caller_authentication
from cap_core.compile.call import compile_call, exposed_address
from cap_core.compile.rejection import Rejected
from cap_core.compile.resolve_call import OperationIndex
from cap_core.compile.state import Compilation
from cap_core.diagnostics.report import Diagnostic
from cap_core.document import unsupported
from cap_core.document.model import ExposesEntry
from cap_core.document.reader import read
from cap_core.errors import SpecError
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.exposed import ExposedOperation
from cap_core.plan.plan import About, ExposurePlan
from cap_core.plan.upstream import Authentication
from cap_core.plan.values import Binding
from cap_core.plan.variables import Variable
from cap_core.plugins.exposure import ExposeContext, Exposure
from cap_core.syntax.loopback import is_loopback
from cap_core.syntax.names import near
from cap_core.syntax.path_template import shape
from cap_core.syntax.yaml_tree import Map, Node, Scalar


class Exposures(msgspec.Struct, frozen=True):
    """The exposures of a document, and the variables that the operator's own checks of callers read."""

    plans: tuple[ExposurePlan, ...]
    variables: tuple[Variable, ...]


def exposures(nodes: Iterable[Node], about: About, index: OperationIndex, compilation: Compilation) -> Exposures:
    """Compile every entry. Raises `SpecError` for one whose type no plugin offers."""
    plans: list[ExposurePlan] = []
    variables: dict[Binding, Variable] = {}
    for node in nodes:
        type_ = _exposure_type(node, compilation)
        entry = None
        if type_ is not None:
            entry = read(node, type_.options, compilation.report, f"the {type_.key} exposure")
        if type_ is None or entry is None:
            continue
        assert isinstance(entry, ExposesEntry)
        if not entry.namespace:
            what = f"the {type_.key} exposure has no namespace; it is called {type_.key!r}"
            compilation.report("no-namespace", entry.at, what)
            entry = msgspec.structs.replace(entry, namespace=type_.key)
        # Two entries of one namespace have a key each, so that neither is served with the other's check of callers.
        same = sum(plan.namespace == entry.namespace for plan in plans)
        key = f"{about.name}/{entry.namespace}" + (f"#{same + 1}" if same else "")
        restricted = [*_bad_port(entry, compilation), *entry.unread(), *compilation.unread]
        check = _refused_callers(restricted, compilation) or _caller_check(entry, compilation)
        variables |= {variable.binding: variable for variable in check.variables}
        plans.append(_exposure(_ServedEntry(entry=entry, type=type_, key=key, check=check), about, index, compilation))
    return Exposures(tuple(plans), tuple(variables.values()))


class _CallerCheck(msgspec.Struct, frozen=True):
    """How the callers of an entry are checked: `authentication` is None where anybody may call.

    With `rejection` the check itself cannot be compiled, so everything that the entry exposes is rejected.
    """

    authentication: Authentication | None = None
    variables: tuple[Variable, ...] = ()
    rejection: Diagnostic | None = None


class _ServedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An `exposes` entry, the exposure type that compiles it, its unique key, and the check of its callers."""

    entry: ExposesEntry
    type: Exposure[Any]
    key: str
    check: _CallerCheck


def _exposure(served: _ServedEntry, about: About, index: OperationIndex, compilation: Compilation) -> ExposurePlan:
    entry = served.entry
    at = ExposeContext(capability=about.name, namespace=entry.namespace, at=entry.at, report=compilation.report)
    declared = tuple(served.type.declared(entry, at))
    # An exposure whose plugin does not carry what is unread to its operations is closed as a whole.
    carried = {item for exposed in declared for item in exposed.unread}
    uncarried = [item for item in entry.unread(whole=True) if item not in carried]
    check = _refused_callers(uncarried, compilation) or served.check
    served = msgspec.structs.replace(served, check=check)
    outcomes = _outcomes(served, declared, index, compilation)
    calls = tuple(outcome for outcome in outcomes if isinstance(outcome, Call))
    rejected = tuple(outcome for outcome in outcomes if isinstance(outcome, RejectedOperation))
    if not calls and not rejected:
        compilation.report("empty-exposure", entry.at, f"{entry.namespace!r} exposes nothing")
    return ExposurePlan(
        about=about,
        key=served.key,
        type=served.type.key,
        namespace=entry.namespace,
        description=entry.description or _consumed_description(calls),
        port=_port(entry, served.type, compilation),
        at=entry.at,
        calls=calls,
        rejected=rejected,
        authentication=served.check.authentication,
        options=entry,
    )


def _outcomes(
    served: _ServedEntry, declared: Iterable[ExposedOperation], index: OperationIndex, compilation: Compilation
) -> list[Call | RejectedOperation]:
    """Each operation compiled to a call, or rejected; those that are rejected without compiling come first."""
    unique, outcomes = _unique(declared, compilation)
    for exposed in unique:
        if served.check.rejection is not None:
            outcomes.append(RejectedOperation(exposed, served.check.rejection))
            continue
        if exposed.unread:
            outcomes.append(RejectedOperation(exposed, exposed.unread[0]))
            continue
        count = len(compilation.diagnostics)
        try:
            call = compile_call(exposed, served.key, served.entry.namespace, index, compilation)
        except Rejected as error:
            outcomes.append(_rejected(exposed, error, compilation, compilation.diagnostics.since(count)))
        else:
            _report_undescribed(call, compilation)
            outcomes.append(msgspec.structs.replace(call, notes=compilation.diagnostics.since(count)))
    return outcomes


def _report_undescribed(call: Call, compilation: Compilation) -> None:
    exposed = call.exposed
    if exposed.kind == "tool" and not (exposed.description or call.describes.description):
        what = f"nothing describes the tool {exposed.name!r}"
        compilation.reporter(exposed.name)("no-description", exposed.at, what)


def _consumed_description(calls: Iterable[Call]) -> str:
    """The descriptions of the APIs behind an exposure that has none of its own."""
    descriptions = dict.fromkeys(operation.consumed.description for call in calls for operation in call.operations)
    return "\n".join(text for text in descriptions if text)


def _refused_callers(unread: Sequence[Diagnostic], compilation: Compilation) -> _CallerCheck | None:
    """A check that lets nobody in, where something that would restrict the entry cannot be read."""
    if not unread:
        return None
    compilation.causes.append(unread[0])
    return _CallerCheck(rejection=unread[0])


def _caller_check(entry: ExposesEntry, compilation: Compilation) -> _CallerCheck:
    try:
        found = caller_authentication(entry, compilation)
    except UnusableAuthentication as error:
        what = f"{error.what}; what {entry.namespace!r} exposes is left out"
        diagnostic = compilation.report(error.code, error.at or entry.at, what, error.hint or None)
        compilation.causes.append(diagnostic)
        return _CallerCheck(rejection=diagnostic)
    return _CallerCheck(found.block, found.variables) if found is not None else _CallerCheck()


def _exposure_type(node: Node, compilation: Compilation) -> Exposure[Any] | None:
    if isinstance(node, Map) and "type" not in node:
        for key in node:
            if unsupported.lookup("exposes", key) is not None:
                unsupported.report_key("exposes", key, node.mark, "an entry of 'exposes'", compilation.report)
                return None
    known = compilation.registry.exposures
    name = node.get(Scalar("type", node.mark)) if isinstance(node, Map) else None
    if not isinstance(name, Scalar):
        hint = f"write {' or '.join(f'type: {key}' for key in sorted(known))}"
        raise SpecError("an entry of 'exposes' needs a 'type'", at=node.mark, code="unknown-exposure", hint=hint)
    exposure_type = known.get(str(name))
    if exposure_type is None and unsupported.lookup("exposure", name) is not None:
        unsupported.report_key("exposure", name, name.mark, f"the exposure of type {str(name)!r}", compilation.report)
        return None
    if exposure_type is None:
        what = f"no plugin offers exposure type {str(name)!r}; offered are {', '.join(sorted(known))}"
        raise SpecError(what, at=name.mark, code="unknown-exposure", hint=near(name, known))
    return exposure_type


def _port(entry: ExposesEntry, type_: Exposure[Any], compilation: Compilation) -> int:
    if entry.address and not is_loopback(entry.address):
        what = f"the address {entry.address} is not on this machine alone; --host decides where to listen"
        compilation.report("foreign-address", entry.mark("address"), what)
    if entry.port is not None and entry.port in _PORTS:
        return entry.port
    if not entry.port and "port" not in entry.unreadable:
        names = "no port" if entry.port is None else "port 0"
        what = f"{entry.namespace!r} names {names}; {type_.default_port} is used"
        compilation.report("no-port", entry.mark("port"), what)
    return type_.default_port


_PORTS = range(1, 65536)


def _bad_port(entry: ExposesEntry, compilation: Compilation) -> Iterator[Diagnostic]:
    """The reason why nobody can listen where an entry says; 0 names no port, and is none."""
    if entry.port and entry.port not in _PORTS:
        yield compilation.report("wrong-type", entry.mark("port"), f"{entry.port} is not a port", "use 1 to 65535")


def _unique(
    declared: Iterable[ExposedOperation], compilation: Compilation
) -> tuple[list[ExposedOperation], list[Call | RejectedOperation]]:
    """The operations to compile, and those that are rejected at once.

    That is by their exposure, or because an earlier operation has the same address.
    """
    seen: dict[str, ExposedOperation] = {}
    rejected: list[Call | RejectedOperation] = []
    for exposed in declared:
        if exposed.rejection is not None:
            rejected.append(RejectedOperation(exposed, exposed.rejection))
            continue
        route = exposed.kind == "operation"
        address = f"{exposed.method} {shape(exposed.path or '')}" if route else f"{exposed.kind} {exposed.name}"
        first = seen.setdefault(address, exposed)
        if first is not exposed:
            code = "duplicate-route" if route else "duplicate-name"
            what = f"{exposed_address(exposed)!r} already stands in line {first.at.line}"
            rejected.append(_rejected(exposed, Rejected(code, exposed.at, what), compilation))
    return list(seen.values()), rejected


def _rejected(
    exposed: ExposedOperation, error: Rejected, compilation: Compilation, notes: tuple[Diagnostic, ...] = ()
) -> RejectedOperation:
    why = error.rejection
    diagnostic = compilation.diagnostics.add(
        why.code, why.at, why.message, hint=why.hint, operation=exposed.name, cause=why.cause
    )
    return RejectedOperation(exposed, diagnostic, notes)
