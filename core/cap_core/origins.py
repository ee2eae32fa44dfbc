"""Where each value of a request came from: the place in the document, the plugin, the flag or the variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from cap_core.bases import Base
from cap_core.documents import Map, Node, Scalar, Seq
from cap_core.errors import Mark
from cap_core.expressions import leaves
from cap_core.inputs import Input, Place
from cap_core.names import match
from cap_core.offers import Credentials
from cap_core.opening import origin_of
from cap_core.plan import (
    Authentication,
    Binding,
    Call,
    CapabilityPlan,
    Constant,
    InputRef,
    RequestField,
    Template,
    Tree,
    Value,
)
from cap_core.plugins import OURS, Offers
from cap_core.pools import choose
from cap_core.rendering import ABSENT, as_text, text_getter
from cap_core.templates import parse
from cap_core.types import Headers
from cap_core.variables import Variable


class Step(msgspec.Struct, frozen=True):
    """A further place that a value came past: what stands there, and where."""

    what: str
    at: str


class Origin(msgspec.Struct, frozen=True):
    """One value of the request: where it lands, what it is (None: not sent), and where it came from.

    `source` says in words; `at` is `file:line:column` where a document, and the name of a flag, variable or
    distribution where something else, produced it. `via` are the other places that had a part in it.
    """

    place: str
    value: str | None
    source: str
    at: str
    via: tuple[Step, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One input: what a caller gives and where, how it came to be an input, and every place that says so."""

    name: str
    property: str
    """Its name in the JSON Schema."""
    type: str | None
    required: bool
    place: str
    source: str
    at: str
    via: tuple[Step, ...]


class Origins:
    """Says where things came from, for one call of one plan. `unset` are the variables without a value."""

    def __init__(self, plan: CapabilityPlan, call: Call, offers: Offers, unset: frozenset[Binding]) -> None:
        self.plan = plan
        self.unset = unset
        self.call = call
        self.operation = call.operation
        self.consumed = call.operation.consumed
        self.offers = offers

    def values(
        self,
        address: Base | None,
        credentials: Credentials,
        given: Mapping[str, object],
        masks: Mapping[Binding, str],
        headers: Headers,
    ) -> tuple[Origin, ...]:
        """Everything in the request. `given` are the caller's inputs, `masks` what stands for variables."""
        return (
            *self._target(address),
            *(origin for field in self.call.fields for origin in self._field(field, given, masks)),
            *self._auth(self.consumed.authentication, credentials),
            *self._own(credentials, headers),
            self._transport(),
        )

    # --- the address -------------------------------------------------------------------------------------------------

    def _target(self, address: Base | None) -> Iterator[Origin]:
        operation = self.operation
        method_at = operation.marks.get("method", operation.at)
        yield Origin("method", operation.method, f"method of {operation.address}", str(method_at))
        base = self.consumed.base
        used = [part for part in base.parts if isinstance(part, Binding)] if base is not None else []
        text = address.text if address is not None else None
        source = f"baseUri of {self.consumed.namespace}"
        yield Origin("base URI", text, source, self.consumed.base_origin, self._variables(used))
        path = operation.path + (f"?{operation.query}" if operation.query else "")
        first, *more = operation.path_at or (operation.at,)
        own = tuple(Step("the operation's own path", str(at)) for at in more)
        yield Origin("path", path, f"path of {operation.address}", str(first), own)

    # --- what fields say ----------------------------------------------------------------------------------------------

    def _field(
        self, field: RequestField, given: Mapping[str, object], masks: Mapping[Binding, str]
    ) -> Iterator[Origin]:
        place = {"member": "body /", "body": "body"}.get(field.place, f"{field.place} ") + (
            field.name if field.place != "body" else ""
        )
        for where, item, node, template in self._apart(place, field.value, field.node):
            value = text_getter(item, masks)(given)
            shown = (
                None if value is ABSENT else as_text(value) if isinstance(value, str | msgspec.Raw) else _json(value)
            )
            at = node.mark if node is not None else field.at
            steps = [Step("the template", str(template))] if template is not None else []
            via = [*steps, *self._declared(field, at), *self._named(item, at), *self._variables(_bindings(item))]
            yield Origin(where, shown, self._source(item, absent=shown is None), str(at), _distinct(via, at))

    def _apart(
        self, place: str, item: Value, node: Node | None, template: Mark | None = None
    ) -> Iterator[tuple[str, Value, Node | None, Mark | None]]:
        """A value in pieces, each with its place (a JSON pointer below the body), what the document has there, and the
        template through which `with` came there."""
        fed = self._fed(node) if isinstance(node, Scalar) and not isinstance(item, InputRef | Template) else None
        if fed is not None:
            assert node is not None
            node, template = fed, node.mark
        if not isinstance(item, Tree) or not item.items:
            yield place, item, node, template
            return
        start = place + ("" if place.endswith("/") else " /" if place == "body" else "/")
        for n, entry in enumerate(item.items):
            name, below = entry if isinstance(entry, tuple) else (str(n), entry)
            pointer = name.replace("~", "~0").replace("/", "~1")  # RFC 6901
            yield from self._apart(start + pointer, below, _below(node, name, n), template)

    def _fed(self, template: Scalar) -> Node | None:
        """What `with` says of the variable of a consumed template, where it says something."""
        entries = self.call.exposed.with_ or {}
        if "{{" not in template or any(template is node for node in entries.values()):
            return None
        for part in parse(template):
            name = "" if isinstance(part, str) else part.name
            key = match(name.partition(".")[2] or name, entries) if name else None
            if key is not None:
                return entries[key]
        return None

    def _declared(self, field: RequestField, at: Mark) -> Iterator[Step]:
        if field.at != at and field.name:  # a body's own block is where its type comes from
            yield Step(f"parameter {field.name}", str(field.at))

    def _named(self, item: Value, at: Mark) -> Iterator[Step]:
        """Where `with` names the inputs of a value, and where those are declared."""
        used = [leaf.name for leaf in leaves(item) if isinstance(leaf, InputRef)]
        for asked in (one for one in self.call.inputs.items if one.name in used):
            yield from (Step(f"with, for {asked.name}", str(mark)) for mark in asked.named if mark != at)
            yield Step(f"input {asked.name}", str(asked.at if asked.declared else self._mentioned(asked)))

    def _source(self, item: Value, *, absent: bool) -> str:
        if isinstance(item, Constant | Tree):
            return "literal in the document"
        names = [leaf.name for leaf in leaves(item) if isinstance(leaf, InputRef)]
        words = [f"input {', '.join(names)}"] if names else []
        words += [origin_of(binding, self.plan) for binding in _bindings(item)]
        return ", ".join(words) + (", absent: not sent" if absent else "")

    # --- what nobody has to say --------------------------------------------------------------------------------------

    def _auth(self, authentication: Authentication | None, credentials: Credentials) -> Iterator[Origin]:
        if authentication is None:
            return
        source = self.authentication(authentication)
        at, via = str(authentication.at), self.options(authentication)
        for place, pairs in (
            ("header ", tuple((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in credentials.headers)),
            ("query ", credentials.query),
            ("cookie ", credentials.cookies),
            ("body /", credentials.members),
        ):
            yield from (Origin(f"{place}{name}", str(value), source, at, via) for name, value in pairs)

    def authentication(self, authentication: Authentication) -> str:
        """An authentication in words: its type, and the plugin behind it."""
        return f"authentication {authentication.type} ({self._owner(f'auth scheme {authentication.type}')})"

    def options(self, authentication: Authentication) -> tuple[Step, ...]:
        """Every option of an authentication, with the variables in it; one that is optional may have none."""
        steps: list[Step] = []
        for name, item in authentication.options.items():
            used = _bindings(item)
            absent = ", absent: not sent" if self.unset.intersection(used) else ""
            steps.append(Step(f"{name}{absent}", str(authentication.marks.get(name, authentication.at))))
            if not absent:
                steps += self._variables(used)
        return _distinct(steps, authentication.at)

    def _own(self, credentials: Credentials, headers: Headers) -> Iterator[Origin]:
        """The headers that neither the document's values nor its authentication put there."""
        said = {field.name.lower() for field in self.call.fields if field.place == "header"} | {"cookie"}
        said |= {name.decode("latin-1").lower() for name, _ in credentials.headers}
        for name, value in headers:
            wire = name.decode("latin-1")
            if wire.lower() in said:
                continue
            source, at = "the gateway's own", OURS
            if wire.lower() == "host":
                source, at = "the host of the base URI", self.consumed.base_origin
            elif wire.lower() == "content-type":
                source, at = f"a body of type {self.call.body_type}", str(self.call.body_at or self.operation.at)
            elif wire.lower() == "content-length":
                source = "the length of the body"
            yield Origin(f"header {wire}", value.decode("utf-8", "replace"), source, at)

    def _transport(self) -> Origin:
        key = choose(self.offers).key
        owner = self._owner(f"transport {key}")
        return Origin("sent by", f"transport {key}", "the default transport", owner)

    # --- the inputs --------------------------------------------------------------------------------------------------

    def inputs(self) -> tuple[Asked, ...]:
        """Every input of the call."""
        return tuple(self._asked(item) for item in self.call.inputs.items)

    def _asked(self, item: Input) -> Asked:
        if item.declared:
            source = "declared"
        elif item.opaque:
            source = f"the body, handed through: {self.operation.address} declares none"
        elif item.named:
            source = "named in 'with'"
        else:
            source = f"inferred from {self.operation.address}"
        via = _distinct([Step("with", str(mark)) for mark in item.named], item.at)
        places = ", or ".join(self._spot(place, item.wire) for place in (item.place, *item.also))
        at = item.at if item.declared else self._mentioned(item)
        return Asked(
            name=item.name,
            property=item.property_name,
            type=item.type,
            required=item.required,
            place=places,
            source=source,
            at=str(at),
            via=via,
        )

    def _mentioned(self, item: Input) -> Mark:
        """Where an input that nobody declares is asked for: the variable of a template, else as the plan has it."""
        for field in self.call.fields:
            if field.node is None or (field.node.mark != field.at and field.name):
                continue
            for _, value, node, _ in self._apart("", field.value, field.node):
                if node is not None and InputRef(item.name) in leaves(value):
                    return node.mark
        return item.at

    def _spot(self, place: Place, wire: str) -> str:
        if place == "path":
            return f"path {{{wire}}}"
        return {"member": f"body /{wire}", "body": "body"}.get(place, f"{place} {wire}")

    # --- the outside -------------------------------------------------------------------------------------------------

    def _variables(self, bindings: Iterable[Binding]) -> tuple[Step, ...]:
        """Each variable, with where its value comes from, at the place that declares it."""
        known = {variable.binding: variable for variable in self.plan.variables}
        found = [known[binding] for binding in bindings if binding in known]
        return tuple(_step(variable) for variable in found)

    def _owner(self, offer: str) -> str:
        plugin = self.offers.owner(offer)
        return f"plugin {plugin.name} of {plugin.distribution}" if plugin is not None else OURS


def _step(variable: Variable) -> Step:
    origin = variable.describe()
    return Step(f"{variable.binding.name} = {origin}", str(variable.at) if variable.at is not None else origin)


def _below(node: Node | None, name: str, n: int) -> Node | None:
    if isinstance(node, Map):
        return node.get(Scalar(name, node.mark))
    return node[n] if isinstance(node, Seq) and n < len(node) else node


def _bindings(*items: Value) -> list[Binding]:
    found = (leaf for item in items for leaf in leaves(item))
    return list(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Binding)))


def _distinct(steps: Iterable[Step], at: Mark) -> tuple[Step, ...]:
    """Steps without those that say the place again."""
    out: dict[str, Step] = {}
    for step in steps:
        if step.at != str(at):
            out.setdefault(step.at, step)
    return tuple(out.values())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
