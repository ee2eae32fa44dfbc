"""An `exposes` entry: what it exposes, each bound to the operation it calls, or left out with the reason."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import msgspec

from cap_core import formats, later
from cap_core.authentications import Unusable, caller_authentication, fills
from cap_core.calls import Callees, find
from cap_core.compilation import Compilation
from cap_core.consumed import Quarantine
from cap_core.documents import Map, Node, Scalar
from cap_core.errors import OptionError, SpecError
from cap_core.model import ExposesEntry
from cap_core.names import near
from cap_core.offers import ExposeAt, Exposure, OutputMapper
from cap_core.output_mapping import check_outputs
from cap_core.path_template import shape
from cap_core.plan import About, Authentication, Call, DeclaredOutput, Exposed, ExposurePlan, Operation, Quarantined
from cap_core.reading import read
from cap_core.report import Diagnostic
from cap_core.wiring import wire


def exposures(nodes: Iterable[Node], about: About, known: Callees, compilation: Compilation) -> list[ExposurePlan]:
    """Compile every entry that is served. Raises `SpecError` for one of a type that nobody offers."""
    out: list[ExposurePlan] = []
    for node in nodes:
        offer = _offer(node, compilation)
        entry = read(node, offer.options, compilation.say, f"the {offer.key} exposure") if offer is not None else None
        if offer is None or entry is None:
            continue
        assert isinstance(entry, ExposesEntry)
        if not entry.namespace:
            what = f"the {offer.key} exposure has no namespace; it is called {offer.key!r}"
            compilation.say("no-namespace", entry.at, what)
            entry = msgspec.structs.replace(entry, namespace=offer.key)
        # Two entries of one namespace stay two: a guard of one must never be taken for the other's.
        same = sum(plan.namespace == entry.namespace for plan in out)
        key = f"{about.name}/{entry.namespace}" + (f"#{same + 1}" if same else "")
        out.append(_exposure(entry, offer, key, about, known, compilation))
    return out


def _exposure(
    entry: ExposesEntry,
    offer: Exposure[Any],
    key: str,
    about: About,
    known: Callees,
    compilation: Compilation,
) -> ExposurePlan:
    at = ExposeAt(capability=about.name, namespace=entry.namespace, at=entry.at, report=compilation.say)
    calls: list[Call] = []
    left_out: list[Quarantined] = []
    guard, unguarded = _guard(entry, compilation)
    for exposed in _unique(offer.declared(entry, at), left_out, compilation):
        if unguarded is not None:
            left_out.append(Quarantined(exposed, unguarded))
            continue
        said = len(compilation.report)
        try:
            call = _call(exposed, entry, key, known, compilation)
        except Quarantine as why:
            left_out.append(_quarantined(exposed, why, compilation, said))
        else:
            calls.append(msgspec.structs.replace(call, notes=compilation.report.since(said)))
    if not calls and not left_out:
        compilation.say("empty-exposure", entry.at, f"{entry.namespace!r} exposes nothing")
    return ExposurePlan(
        about=about,
        key=key,
        type=offer.key,
        namespace=entry.namespace,
        description=entry.description or _consumed_description(calls),
        port=_port(entry, offer, compilation),
        at=entry.at,
        calls=tuple(calls),
        quarantined=tuple(left_out),
        authentication=guard,
        options=entry,
    )


def _consumed_description(calls: Iterable[Call]) -> str:
    """What the document says of the APIs behind an exposure of which it says nothing."""
    said = dict.fromkeys(call.operation.consumed.description for call in calls)
    return "\n".join(text for text in said if text)


def _guard(entry: ExposesEntry, compilation: Compilation) -> tuple[Authentication | None, Diagnostic | None]:
    """How callers are checked, or why nobody can be let in, which leaves out all that the entry exposes."""
    try:
        return caller_authentication(entry, compilation), None
    except Unusable as error:
        what = f"{error.what}; what {entry.namespace!r} exposes is left out"
        why = compilation.say(error.code, error.at or entry.at, what, error.hint or None)
        compilation.causes.append(why)
        return None, why


def _offer(node: Node, compilation: Compilation) -> Exposure[Any] | None:
    if isinstance(node, Map) and "type" not in node:
        for key in node:
            if later.construct("exposes", key) is not None:
                later.report("exposes", key, node.mark, "an entry of 'exposes'", compilation.say)
                return None
    type_ = node.get(Scalar("type", node.mark)) if isinstance(node, Map) else None
    if not isinstance(type_, Scalar):
        raise SpecError("an entry of 'exposes' needs a 'type'", at=node.mark, code="unknown-exposure")
    offered = compilation.offers.exposures
    offer = offered.get(str(type_))
    if offer is None and later.construct("exposure", type_) is not None:
        later.report("exposure", type_, type_.mark, f"the exposure of type {str(type_)!r}", compilation.say)
        return None
    if offer is None:
        what = f"no plugin offers exposure type {str(type_)!r}; offered are {', '.join(sorted(offered))}"
        raise SpecError(what, at=type_.mark, code="unknown-exposure", hint=near(type_, offered))
    return offer


def _port(entry: ExposesEntry, offer: Exposure[Any], compilation: Compilation) -> int:
    if entry.address and not _is_loopback(entry.address):
        what = f"the address {entry.address} is not on this machine alone; --host decides where to listen"
        compilation.say("foreign-address", entry.mark("address"), what)
    if entry.port is None:
        compilation.say("no-port", entry.at, f"{entry.namespace!r} names no port; {offer.default_port} is used")
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


def _unique(declared: Iterable[Exposed], left_out: list[Quarantined], compilation: Compilation) -> list[Exposed]:
    """The first of two operations at one address is served, the second is left out."""
    seen: dict[str, Exposed] = {}
    for exposed in declared:
        if exposed.left_out is not None:
            left_out.append(Quarantined(exposed, exposed.left_out))
            continue
        address = exposed.name if exposed.method is None else f"{exposed.method} {shape(exposed.path or '')}"
        first = seen.setdefault(address, exposed)
        if first is not exposed:
            code = "duplicate-name" if exposed.method is None else "duplicate-route"
            said = exposed.name if exposed.method is None else f"{exposed.method} {exposed.path}"
            what = f"{said!r} already stands in line {first.at.line}"
            left_out.append(_quarantined(exposed, Quarantine(code, exposed.at, what), compilation))
    return list(seen.values())


def _quarantined(exposed: Exposed, why: Quarantine, compilation: Compilation, said: int | None = None) -> Quarantined:
    notes = () if said is None else compilation.report.since(said)
    diagnostic = compilation.report.add(why.code, why.at, why.what, hint=why.hint, operation=exposed.name)
    return Quarantined(exposed, diagnostic, notes)


def _call(exposed: Exposed, entry: ExposesEntry, key: str, known: Callees, compilation: Compilation) -> Call:
    callee = find(exposed, known, compilation.report, compilation.elsewhere)
    supplied = fills(callee.operation.consumed, compilation)
    wired = wire(exposed, callee, compilation.bindings, entry.namespace, supplied, compilation.report)
    if wired.body_type != "json" and any(place == "body" for place, _ in supplied):
        what = f"the authentication adds a member to the body of {callee.operation.address}, which is {wired.body_type}"
        raise Quarantine("unsupported-body", callee.operation.at, what, "use another placement, or a json body")
    outputs = _mapped(exposed.outputs)
    for output, what in check_outputs(outputs):
        raise Quarantine("bad-mapping", output.at, what)
    what = exposed.name if exposed.method is None else f"{exposed.method} {exposed.path}"
    call = Call(
        key=f"{key}/{what}",
        exposed=exposed,
        operation=callee.operation,
        inputs=wired.inputs,
        feeds=wired.feeds,
        outputs=outputs,
        body_type=wired.body_type,
        body_at=callee.body.at if callee.body is not None else None,
    )
    return _with_format(call, compilation)


def _mapped(outputs: tuple[DeclaredOutput, ...]) -> tuple[DeclaredOutput, ...]:
    """The outputs to apply; none where they mean the whole answer, untouched."""
    if len(outputs) != 1:
        return outputs
    one = outputs[0]
    plain = not one.properties and one.items is None and one.values is None and one.max_length is None
    whole = one.mapping in (None, "$", "$.") and plain
    return () if whole and one.name is None else outputs


def _with_format(call: Call, compilation: Compilation) -> Call:
    """A call with the options of the format its answers are decoded from; the decoder is compiled once to try it."""
    operation = call.operation
    try:
        formats.size(operation)
        formats.media_type(operation)
        if call.identity:
            return call
        mapper = _mapper(operation, compilation)
        directory = compilation.source.path.resolve().parent
        options = formats.options(mapper, operation, (directory,), compilation.options.allow_files)
        call = msgspec.structs.replace(call, output_options=options)
        formats.decoder(mapper, call)
    except OptionError as error:
        # What no option is to blame for leaves the format without a decoder.
        code = "bad-format-option" if error.option else "unknown-format"
        at = operation.marks.get(error.option or "outputRawFormat", operation.at)
        raise Quarantine(code, at, error.what, error.hint or None) from None
    return call


def _mapper(operation: Operation, compilation: Compilation) -> OutputMapper[Any]:
    offered = compilation.offers.output_mappers
    mapper = offered.get(operation.format)
    if mapper is None:
        what = f"no plugin decodes outputRawFormat {operation.format!r}; offered are {', '.join(sorted(offered))}"
        at = operation.marks.get("outputRawFormat", operation.at)
        raise Quarantine("unknown-format", at, what, near(operation.format, offered) or None)
    for name in formats.unknown_options(mapper, operation):
        what = f"{name!r} means nothing to the format {operation.format!r}"
        compilation.say("bad-format-option", operation.marks.get(name, operation.at), what, "remove it")
    return mapper
