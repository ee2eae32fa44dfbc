"""An `exposes` entry: what it exposes, each operation bound to the one it calls, or left out with the reason."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
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
from cap_core.syntax.names import near
from cap_core.syntax.path_template import shape
from cap_core.syntax.yaml_tree import Map, Node, Scalar


class Exposures(msgspec.Struct, frozen=True):
    """The exposures of a document, and the variables that the operator's own checks of callers read."""

    plans: tuple[ExposurePlan, ...]
    variables: tuple[Variable, ...]


def exposures(nodes: Iterable[Node], about: About, index: OperationIndex, compilation: Compilation) -> Exposures:
    """Compile every entry that is served. Raises `SpecError` for one of a type that nobody offers."""
    plans: list[ExposurePlan] = []
    variables: dict[Binding, Variable] = {}
    for node in nodes:
        offer = _offer(node, compilation)
        entry = None
        if offer is not None:
            entry = read(node, offer.options, compilation.report, f"the {offer.key} exposure")
        if offer is None or entry is None:
            continue
        assert isinstance(entry, ExposesEntry)
        if not entry.namespace:
            what = f"the {offer.key} exposure has no namespace; it is called {offer.key!r}"
            compilation.report("no-namespace", entry.at, what)
            entry = msgspec.structs.replace(entry, namespace=offer.key)
        # Two entries of one namespace stay two: a guard of one must never be taken for the other's.
        same = sum(plan.namespace == entry.namespace for plan in plans)
        key = f"{about.name}/{entry.namespace}" + (f"#{same + 1}" if same else "")
        guard = _closed(list(entry.unread()) + compilation.unread, compilation) or _guard(entry, compilation)
        variables |= {variable.binding: variable for variable in guard.variables}
        plans.append(_exposure(_Entry(entry=entry, offer=offer, key=key, guard=guard), about, index, compilation))
    return Exposures(tuple(plans), tuple(variables.values()))


class _Guard(msgspec.Struct, frozen=True):
    """How callers are checked, or why nobody can be let in, which leaves out all that the entry exposes."""

    authentication: Authentication | None = None
    variables: tuple[Variable, ...] = ()
    rejection: Diagnostic | None = None


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is served: as it was read, whose plugin compiles it, and its key."""

    entry: ExposesEntry
    offer: Exposure[Any]
    key: str
    guard: _Guard


def _exposure(given: _Entry, about: About, index: OperationIndex, compilation: Compilation) -> ExposurePlan:
    entry, offer = given.entry, given.offer
    at = ExposeContext(capability=about.name, namespace=entry.namespace, at=entry.at, report=compilation.report)
    declared = tuple(offer.declared(entry, at))
    # An exposure whose plugin does not carry what is unread to its operations is closed as a whole.
    carried = {item for exposed in declared for item in exposed.unread}
    guard = _closed([item for item in entry.unread(whole=True) if item not in carried], compilation) or given.guard
    given = msgspec.structs.replace(given, guard=guard)
    outcomes = _outcomes(given, declared, index, compilation)
    calls = tuple(outcome for outcome in outcomes if isinstance(outcome, Call))
    rejected = tuple(outcome for outcome in outcomes if isinstance(outcome, RejectedOperation))
    if not calls and not rejected:
        compilation.report("empty-exposure", entry.at, f"{entry.namespace!r} exposes nothing")
    return ExposurePlan(
        about=about,
        key=given.key,
        type=offer.key,
        namespace=entry.namespace,
        description=entry.description or _consumed_description(calls),
        port=_port(entry, offer, compilation),
        at=entry.at,
        calls=calls,
        rejected=rejected,
        authentication=given.guard.authentication,
        options=entry,
    )


def _outcomes(
    given: _Entry, declared: Iterable[ExposedOperation], index: OperationIndex, compilation: Compilation
) -> list[Call | RejectedOperation]:
    """What becomes of each operation. What cannot be looked at at all comes first."""
    unique, outcomes = _unique(declared, compilation)
    for exposed in unique:
        if given.guard.rejection is not None:
            outcomes.append(RejectedOperation(exposed, given.guard.rejection))
            continue
        if exposed.unread:
            outcomes.append(RejectedOperation(exposed, exposed.unread[0]))
            continue
        count = len(compilation.diagnostics)
        try:
            call = compile_call(exposed, given.key, given.entry.namespace, index, compilation)
        except Rejected as error:
            outcomes.append(_rejected(exposed, error, compilation, compilation.diagnostics.since(count)))
        else:
            outcomes.append(msgspec.structs.replace(call, notes=compilation.diagnostics.since(count)))
    return outcomes


def _consumed_description(calls: Iterable[Call]) -> str:
    """The descriptions of the APIs behind an exposure that has none of its own."""
    descriptions = dict.fromkeys(operation.consumed.description for call in calls for operation in call.operations)
    return "\n".join(text for text in descriptions if text)


def _closed(unread: Sequence[Diagnostic], compilation: Compilation) -> _Guard | None:
    """A guard that lets nobody in, where something that would restrict the entry cannot be read."""
    if not unread:
        return None
    compilation.causes.append(unread[0])
    return _Guard(rejection=unread[0])


def _guard(entry: ExposesEntry, compilation: Compilation) -> _Guard:
    try:
        found = caller_authentication(entry, compilation)
    except UnusableAuthentication as error:
        what = f"{error.what}; what {entry.namespace!r} exposes is left out"
        diagnostic = compilation.report(error.code, error.at or entry.at, what, error.hint or None)
        compilation.causes.append(diagnostic)
        return _Guard(rejection=diagnostic)
    return _Guard(found.block, found.variables) if found is not None else _Guard()


def _offer(node: Node, compilation: Compilation) -> Exposure[Any] | None:
    if isinstance(node, Map) and "type" not in node:
        for key in node:
            if unsupported.lookup("exposes", key) is not None:
                unsupported.report_key("exposes", key, node.mark, "an entry of 'exposes'", compilation.report)
                return None
    type_ = node.get(Scalar("type", node.mark)) if isinstance(node, Map) else None
    if not isinstance(type_, Scalar):
        raise SpecError("an entry of 'exposes' needs a 'type'", at=node.mark, code="unknown-exposure")
    offered = compilation.registry.exposures
    offer = offered.get(str(type_))
    if offer is None and unsupported.lookup("exposure", type_) is not None:
        unsupported.report_key(
            "exposure", type_, type_.mark, f"the exposure of type {str(type_)!r}", compilation.report
        )
        return None
    if offer is None:
        what = f"no plugin offers exposure type {str(type_)!r}; offered are {', '.join(sorted(offered))}"
        raise SpecError(what, at=type_.mark, code="unknown-exposure", hint=near(type_, offered))
    return offer


def _port(entry: ExposesEntry, offer: Exposure[Any], compilation: Compilation) -> int:
    if entry.address and not _is_loopback(entry.address):
        what = f"the address {entry.address} is not on this machine alone; --host decides where to listen"
        compilation.report("foreign-address", entry.mark("address"), what)
    if entry.port is None:
        compilation.report("no-port", entry.at, f"{entry.namespace!r} names no port; {offer.default_port} is used")
        return offer.default_port
    if not 0 < entry.port < 65536:
        at = entry.mark("port")
        raise SpecError(f"{entry.port} is not a port", at=at, code="wrong-type", hint="use 1 to 65535")
    return entry.port


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _unique(
    declared: Iterable[ExposedOperation], compilation: Compilation
) -> tuple[list[ExposedOperation], list[Call | RejectedOperation]]:
    """The operations to compile, and those that are left out before: the first of two at one address is served."""
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
    diagnostic = compilation.reporter(exposed.name)(why.code, why.at, why.message, why.hint)
    return RejectedOperation(exposed, diagnostic, notes)
