"""One exposed operation wired to the operation it calls: its inputs, and where each value of the request comes from.

The rules are those of `docs/semantics.md`, inputs and values. Everything here happens once, when a plan is compiled.
"""

from __future__ import annotations

import difflib
import re
from functools import cached_property

import msgspec

from cap_core.bindings import Bindings
from cap_core.consumed import WRITES, Callee, Parameter, Quarantine, reserved
from cap_core.documents import Node, Scalar, scalars
from cap_core.errors import Mark
from cap_core.expressions import FACES, Names, leaves, substitute, value, with_value
from cap_core.inputs import Input, Inputs, Place, aliases
from cap_core.names import Spellings, match, near, norm
from cap_core.patterns import checked_pattern
from cap_core.plan import Constant, DeclaredInput, Exposed, Feed, FeedPlace, InputRef, Value
from cap_core.report import Report
from cap_core.templates import TemplateError, Var, parse_path

_QUALIFIED: dict[str, Place] = {
    "query": "query",
    "path": "path",
    "header": "header",
    "cookie": "cookie",
    "body": "member",
}


_TEXT_PLACES = frozenset({"path", "query", "header", "cookie"})
_DECIMAL = re.compile(r"[-+]?[0-9][0-9.eE+-]*", re.ASCII)


class Wired(msgspec.Struct, frozen=True):
    """What wiring gives."""

    inputs: Inputs
    feeds: tuple[Feed, ...]
    body_type: str


def wire(
    exposed: Exposed,
    callee: Callee,
    bindings: Bindings,
    namespace: str,
    supplied: frozenset[tuple[str, str]],
    report: Report,
) -> Wired:
    """Wire `exposed` to `callee`. `supplied` are the (place, lower-case name) pairs that authentication fills.

    Raises `Quarantine` where a caller's identifier would be lost or a template is malformed.
    """
    try:
        return _Wiring(exposed, callee, bindings, namespace, supplied, report).wired()
    except TemplateError as error:
        raise Quarantine("bad-template", exposed.at, str(error)) from None


class _Origin(msgspec.Struct):
    """What feeds an input tells about it."""

    parameter: Parameter | None
    feed: Feed
    alone: bool


class _Wiring:
    def __init__(
        self,
        exposed: Exposed,
        callee: Callee,
        bindings: Bindings,
        namespace: str,
        supplied: frozenset[tuple[str, str]],
        report: Report,
    ) -> None:
        self.exposed = exposed
        self.callee = callee
        self.operation = callee.operation
        self.bindings = bindings
        self.report = report
        self.rest = exposed.method is not None
        self.declared = {item.name: item for item in exposed.inputs}
        self.declared_names = Spellings(self.declared)
        self.placeholders = _placeholders(exposed)
        self.own_path = Spellings(self.placeholders)
        self.supplied = supplied
        self.parameters = self._effective(supplied)
        known = {*self.declared, *self.placeholders, *(p.name for p in callee.parameters)}
        self.names = Names(bindings, FACES | {namespace}, frozenset(known), self._unbound)
        self.with_ = self._with()
        self.with_names = Spellings(self.with_)
        assigned = self._assigned_placeholders()
        self.assigned = Spellings(assigned)
        self.free = Spellings(placeholder for placeholder in self.placeholders if placeholder not in assigned)
        self.named = self._named()
        # What `with` names is as good as an input to the templates of the called operation.
        self.inside = Names(bindings, FACES | {namespace}, frozenset(known | self.with_.keys()), self._unbound)
        self.used: set[str] = set()
        self.inferred: dict[str, None] = {}
        self.feeds: list[tuple[Feed, Parameter | None]] = []
        self.typed: dict[str, Parameter] = {}
        """Inputs of the body template, each with the `in: body` parameter of its variable."""
        self.unheard: list[str] = []
        """Inputs that reach nothing. They are inputs all the same: the document says that callers give them."""
        self.bodies = {p.name: p for p in self.parameters if p.place == "body"}
        self.body_names = Spellings(self.bodies)
        self.bodyless = True
        """Whether nothing so far is the whole body."""
        self.paired: dict[str, str] = {}
        """Inputs of consumed placeholders, each with the exposed placeholder it stands at for want of a namesake."""
        self.body_type = "json"
        self.passed = ""
        """The input that is the caller's body, handed through unread; "" where there is none."""

    # --- the upstream request, value by value ---------------------------------------------------------------------

    def wired(self) -> Wired:
        self._path()
        for parameter in self.parameters:
            if parameter.place in ("query", "header", "cookie"):
                item, node = self._value(parameter.name, parameter)
                self._feed(parameter.place, parameter.name, item, parameter, node=node)
        self._body()
        self._leftovers()
        self._pass_body_through()
        return self._inputs()

    def _effective(self, supplied: frozenset[tuple[str, str]]) -> list[Parameter]:
        out = []
        for parameter in self.callee.parameters:
            if (parameter.place, parameter.name.lower()) in supplied:
                what = f"the authentication supplies {parameter.place} {parameter.name!r}"
                self._say("auth-supplies", parameter.at, what)
            elif reserved(parameter):
                self._say("reserved-header", parameter.at, f"the gateway sets the header {parameter.name!r} itself")
            else:
                out.append(parameter)
        return out

    def _with(self) -> dict[str, tuple[Value, Node]]:
        entries = self.exposed.with_ or {}
        for key, item in entries.items():
            self._check_with(str(key), item)
        return {str(key): (with_value(item, self.names), item) for key, item in entries.items()}

    def _check_with(self, key: str, item: Node) -> None:
        if isinstance(item, Scalar):
            if item.plain and not item:
                self._say("empty-with", item.mark, f"the 'with' key {key!r} has no value; it is read as null")
            self._check_literal(item)
            return
        for leaf in scalars(item):
            prefix, dot, rest = leaf.partition(".")
            if dot and rest and prefix in self.names.prefixes and not any(c.isspace() for c in rest):
                what = f"{str(leaf)!r} inside a list or a mapping is sent as that text"
                self._say_hint("literal-source", leaf.mark, what, f"write '{{{{{leaf}}}}}' for the input")

    def _check_literal(self, text: Scalar) -> None:
        """A slip in `rest.x` makes it plain text, which would be sent."""
        prefix, dot, rest = text.partition(".")
        sources = self.names.prefixes | self.bindings.namespaces
        if not dot or not rest.isidentifier() or not prefix.isidentifier() or prefix in sources or prefix == "env":
            return
        meant = difflib.get_close_matches(prefix, FACES, n=1, cutoff=0.75)
        if meant and self.bindings.find(text) is None:
            what = f"{str(text)!r} is sent as that text"
            self._say_hint("literal-source", text.mark, what, f"did you mean '{meant[0]}.{rest}'?")

    def _value(self, name: str, parameter: Parameter | None) -> tuple[Value, Node | None]:
        """Consumed `value`, else `with`, each with what the document has written; else an input of that name."""
        key = match(name, self.with_names)
        if key is not None:
            self.used.add(key)
            self._respelled(key, name)
        if parameter is not None and parameter.value is not None:
            return self._through_with(value(parameter.value, self.inside)), parameter.value
        if key is not None:
            return self.with_[key]
        # A placeholder on both sides needs no mention: nobody is surprised where it comes from.
        in_path = parameter is None or parameter.place == "path"
        both = in_path and match(name, self.free) is not None
        if self.exposed.with_ and (parameter is None or parameter.required) and not both:
            what = f"'with' says nothing of {name!r}, which {self.operation.address} requires"
            self._say("uncovered-parameter", self.exposed.call_at, what)
        return self._infer(name), None

    def _respelled(self, key: str, name: str) -> None:
        if key != name:
            self._say("respelled-key", self.with_[key][1].mark, f"the 'with' key {key!r} is read as {name!r}")

    def _infer(self, name: str) -> InputRef:
        """An input that nobody names: taken over from the consumed side."""
        # `with` may have given the placeholder of this name to another parameter; then this one is a query input.
        taken = match(name, self.assigned)
        raw = f"query.{name}" if taken and not match(name, self.declared_names) else name
        self.inferred[raw] = None
        return InputRef(raw)

    def _assigned_placeholders(self) -> set[str]:
        sources = [leaf.name for item, _ in self.with_.values() for leaf in leaves(item) if isinstance(leaf, InputRef)]
        return {p for source in sources if (p := match(source.removeprefix("path."), self.own_path))}

    def _through_with(self, item: Value) -> Value:
        """A consumed template's `{{tools.x}}` means what `with` says of x, where it says something."""

        def change(reference: InputRef) -> Value:
            key = match(reference.name, self.with_names)
            fed: Value = reference
            if key is None:
                self.inferred[reference.name] = None
            else:
                self._respelled(key, reference.name)
                self.used.add(key)
                fed = self.with_[key][0]
            parameter = self._typing(reference.name)
            if parameter is not None and isinstance(fed, InputRef):
                self.typed.setdefault(fed.name, parameter)
            return fed

        return substitute(item, change)

    def _feed(
        self,
        place: FeedPlace,
        name: str,
        item: Value,
        parameter: Parameter | None,
        at: Mark | None = None,
        node: Node | None = None,
    ) -> None:
        feed = Feed(
            place=place,
            name=name,
            value=_as_written(item, node) if place in _TEXT_PLACES else item,
            node=node,
            type=parameter.type if parameter else None,
            required=parameter.required if parameter else place == "path",
            at=at or (parameter.at if parameter else self.operation.at),
        )
        self.feeds.append((feed, parameter))
        self.bodyless = self.bodyless and place != "body"

    def _path(self) -> None:
        by_name = {p.name: p for p in self.parameters if p.place == "path"}
        known_names = Spellings(by_name)
        for part in self.operation.segments:
            if isinstance(part, str):
                continue
            variable = part.braces == 2 or part.name in self.callee.environment
            binding = self.bindings.find(part.name) if variable else None
            if binding is not None:
                self._feed("path", part.name, binding, None)
                continue
            prefix, dot, rest = part.name.partition(".")
            name = rest if dot and prefix in self.names.prefixes else part.name
            known = match(name, known_names)
            if known is not None:
                self._matched(known, name, by_name[known].at)
            item, node = self._value(known or name, by_name.get(known or ""))
            self._feed("path", part.name, item, by_name.get(known or ""), node=node)

    def _body(self) -> None:
        parameters = [p for p in self.parameters if p.place == "body"]
        template = self.callee.body
        if template is not None and template.data is not None:
            self.body_type = template.type
            item = self._through_with(value(template.data, self.inside))
            self._feed("body", "", item, None, template.at, template.data)
        else:
            whole = len(parameters) == 1 and parameters[0].name == "body"
            for parameter in parameters:
                item, node = self._value(parameter.name, parameter)
                self._feed("body" if whole else "member", parameter.name, item, parameter, node=node)

    def _leftovers(self) -> None:
        """`with` keys and declared inputs that the called operation does not know are sent too, if they can be."""
        self.paired = self._pair(self._raws())
        for key, (item, node) in self.with_.items():
            if key in self.used:
                continue
            if key == "body" and self._writes and self.bodyless and item == InputRef("body"):
                self._feed("body", "body", item, None, node.mark, node)
            else:
                self._send_unknown(key, item, node.mark, node)
        reached = {spelling for raw in self._raws() for spelling in (raw, norm(raw))}
        standing = frozenset(self.paired.values())
        for name, declared in self.declared.items():
            if name in reached or (norm(name) and norm(name) in reached):
                continue
            whole = declared.place == "body" and name == "body"
            if whole and self._writes and self.bodyless:
                self._feed("body", "body", InputRef(name), None, declared.at)
            elif self._stays_in_path(name, standing):
                continue
            else:
                self._send_unknown(name, InputRef(name), declared.at)
            reached |= {name, norm(name)}

    def _stays_in_path(self, name: str, standing: frozenset[str]) -> bool:
        """Whether a declared input has no meaning but its place in the exposed path: one that is paired, and one that
        would turn a change of one thing into a change of all of them if it were sent as something else."""
        placeholder = match(name, self.own_path)
        return placeholder is not None and (placeholder in standing or self._undoes)

    def _send_unknown(self, name: str, item: Value, at: Mark, node: Node | None = None) -> None:
        why, hint = self._unknown(name)
        if not self._writes:
            self._say_hint("unknown-parameter", at, f"{why}; it is sent as a query parameter", hint)
            self._feed("query", name, item, None, at, node)
        elif self.bodyless:
            self._say_hint("unknown-parameter", at, f"{why}; it is sent as a member of the body", hint)
            self._feed("member", name, item, None, at, node)
        else:
            self._lost(at, f"{why}, and its body is already spoken for", hint)
            self.unheard += [leaf.name for leaf in leaves(item) if isinstance(leaf, InputRef)]

    def _unknown(self, name: str) -> tuple[str, str | None]:
        """Why an input feeds no parameter of the called operation, and what would help."""
        address = self.operation.address
        key = match(name, self.with_)
        if key is not None and key in self.used:
            what = f"the input {name!r} feeds nothing: 'with' takes {key!r} of {address} from elsewhere"
            return what, f"take it from the input in 'with', as in {key}: {self._source}.{name}"
        free = [p.name for p in self.parameters if match(p.name, self.with_) is None]
        return f"{address} declares no {name!r}", near(name, free) or None

    @property
    def _source(self) -> str:
        return "rest" if self.rest else "tools"

    def _lost(self, at: Mark, what: str, hint: str | None = None) -> None:
        if self._undoes:
            raise Quarantine("lost-identifier", at, what, hint or "declare it on the called operation")
        self._say_hint("lost-identifier", at, what, hint)

    @property
    def _undoes(self) -> bool:
        return self.operation.method in ("PUT", "PATCH", "DELETE")

    @property
    def _writes(self) -> bool:
        return self.operation.method in WRITES

    def _pass_body_through(self) -> None:
        """A write that declares no body takes the caller's, untouched."""
        has_body = any(feed.place in ("body", "member") for feed, _ in self.feeds)
        if not self._writes or has_body or self._with_reads_body():
            return
        name = "body" if match("body", self._raws()) is None else "request_body"
        feed = Feed(place="body", name=name, value=InputRef(name), type=None, required=False, at=self.operation.at)
        self.feeds.append((feed, None))
        # What authentication adds to a body needs one that is read.
        self.passed = "" if any(place == "body" for place, _ in self.supplied) else name

    def _with_reads_body(self) -> bool:
        sources = [leaf.name for item, _ in self.with_.values() for leaf in leaves(item) if isinstance(leaf, InputRef)]
        return self.rest and any(s == "body" or s.startswith("body.") for s in sources)

    # --- the inputs behind those values -----------------------------------------------------------------------------

    def _raws(self) -> dict[str, list[_Origin]]:
        """Every input name the feeds mention, in order, with what is known of it."""
        out: dict[str, list[_Origin]] = {}
        for feed, parameter in self.feeds:
            alone = isinstance(feed.value, InputRef)
            for leaf in leaves(feed.value):
                if isinstance(leaf, InputRef):
                    out.setdefault(leaf.name, []).append(_Origin(parameter, feed, alone))
        for name in self.unheard:
            out.setdefault(name, [])
        return out

    def _inputs(self) -> Wired:
        raws = self._raws()
        names: dict[str, str] = {}
        slots: dict[tuple[Place, str], Input] = {}
        taken: set[str] = set()
        for raw, origins in raws.items():
            item = self._input(raw, origins)
            slot = (item.place, item.wire)
            known = slots.get(slot)
            if known is not None:
                item = msgspec.structs.replace(
                    known, required=known.required or item.required, type=known.type or item.type
                )
            elif item.name in taken:
                item = msgspec.structs.replace(item, name=f"{item.place}.{item.wire}")
            slots[slot] = item
            taken.add(item.name)
            names[raw] = item.name
        self._check_placeholders(slots)
        self._report_inferred(names)
        feeds = tuple(
            msgspec.structs.replace(feed, value=substitute(feed.value, lambda r: InputRef(names[r.name])))
            for feed, _ in self.feeds
        )
        renamed = {} if self.rest else aliases([item.name for item in slots.values()])
        for name, alias in renamed.items():
            self._say(
                "renamed-property", self.exposed.call_at, f"the input {name!r} is shown to MCP clients as {alias!r}"
            )
        items = tuple(
            msgspec.structs.replace(item, alias=renamed[item.name]) if item.name in renamed else item
            for item in slots.values()
        )
        return Wired(Inputs(items), feeds, self.body_type)

    def _pair(self, raws: dict[str, list[_Origin]]) -> dict[str, str]:
        """Without `with`, equal numbers of unmatched placeholders on both sides pair in order."""
        if not self.rest or self.exposed.with_ is not None:
            return {}
        waiting = [
            raw
            for raw, origins in raws.items()
            if any(o.feed.place == "path" for o in origins) and match(raw, self.own_path) is None
        ]
        taken = {p for raw in raws if (p := match(raw, self.own_path))}
        free = [p for p in self.placeholders if p not in taken]
        if not waiting or len(waiting) != len(free):
            return {}
        pairs = dict(zip(waiting, free, strict=True))
        listed = ", ".join(f"{{{theirs}}} with {{{ours}}}" for theirs, ours in pairs.items())
        self._say("paired-placeholder", self.exposed.at, f"paired in order: {listed}")
        return pairs

    def _input(self, raw: str, origins: list[_Origin]) -> Input:
        declared = self._declared(raw) or self._declared(self.paired.get(raw, raw))
        place, wire, also = self._place(raw, declared, origins)
        told = [o.parameter for o in origins if o.parameter is not None and o.alone]
        typed = self.typed.get(raw)
        first = told[0] if told else typed
        required = place == "path" or any(o.feed.required and o.feed.place == "path" for o in origins)
        if not required:
            said = declared.required if declared is not None else None
            feeds = any(o.feed.required for o in origins) or (typed is not None and typed.required)
            required = feeds if said is None else said
        opaque = raw == self.passed and bool(raw)
        type_ = (declared.type if declared else None) or (first.type if first else None)
        enum = declared.enum if declared and declared.enum is not None else first.enum if first else None
        own = checked_pattern(declared.pattern, declared.at, self._say_hint) if declared else None
        pattern = own or (first.pattern if first else None)
        longest = declared.max_length if declared else None
        return Input(
            name=declared.name if declared else wire if place != "path" and "." in raw and self.rest else raw,
            place=place,
            wire=wire,
            also=also,
            type="object" if opaque and not self.rest else type_,
            required=required,
            description=(declared.description if declared else "") or (first.description if first else ""),
            pattern=pattern,
            enum=enum,
            max_length=first.max_length if longest is None and first else longest,
            opaque=opaque,
            at=declared.at if declared else first.at if first else origins[0].feed.at if origins else self.exposed.at,
            declared=declared is not None,
            named=self.named.get(raw, ()),
        )

    def _named(self) -> dict[str, tuple[Mark, ...]]:
        """Where `with` names each input."""
        marks: dict[str, list[Mark]] = {}
        for item, node in self.with_.values():
            for name in dict.fromkeys(leaf.name for leaf in leaves(item) if isinstance(leaf, InputRef)):
                marks.setdefault(name, []).append(node.mark)
        return {name: tuple(those) for name, those in marks.items()}

    def _declared(self, raw: str) -> DeclaredInput | None:
        name = match(raw, self.declared_names)
        return self.declared[name] if name is not None else None

    def _typing(self, raw: str) -> Parameter | None:
        """Beside a body template, an `in: body` parameter says of what type a variable is, and whether it has to be."""
        if self.callee.body is None or self.callee.body.data is None:
            return None
        name = match(raw, self.body_names)
        return self.bodies[name] if name is not None else None

    def _place(
        self, raw: str, declared: DeclaredInput | None, origins: list[_Origin]
    ) -> tuple[Place, str, tuple[Place, ...]]:
        """Where a request carries an input: `docs/semantics.md`, where a REST input comes from."""
        if not self.rest:
            if declared is not None and (declared.place or "").lower() == "environment":
                raise _no_place(declared)
            return "argument", declared.name if declared else raw, ()
        name = declared.name if declared else raw
        whole = any(o.feed.place == "body" and o.alone for o in origins)
        if declared is not None and declared.place:
            return self._declared_place(declared, whole)
        if raw in self.paired:
            return "path", self.paired[raw], ()
        qualifier, dot, rest = raw.partition(".")
        if dot and declared is None and qualifier in _QUALIFIED:
            wire = match(rest, self.own_path) or rest if qualifier == "path" else rest
            return _QUALIFIED[qualifier], wire, ()
        placeholder = match(name, self.own_path)
        if placeholder is not None:
            self._matched(placeholder, name, self.exposed.at)
            return "path", placeholder, ()
        if whole and raw in ("body", "request_body"):
            return "body", "body", ()
        if any(o.feed.place == "header" for o in origins):
            return "header", name, ("query",)
        return self._query_or_member(name, origins)

    def _query_or_member(self, name: str, origins: list[_Origin]) -> tuple[Place, str, tuple[Place, ...]]:
        if self.exposed.method not in WRITES or self._whole_is_taken:
            return "query", name, ()
        if any(o.feed.place in ("body", "member") for o in origins):
            return "member", name, ("query",)
        return "query", name, ("member",)

    @cached_property
    def _whole_is_taken(self) -> bool:
        """Whether an input is the whole body; asked when every value of the request is known."""
        wholes = (feed.value for feed, _ in self.feeds if feed.place == "body")
        return any(isinstance(item, InputRef) and item.name in ("body", self.passed) for item in wholes)

    @cached_property
    def _from_body(self) -> int:
        """How many declared inputs are of the body."""
        return sum((item.place or "").lower() == "body" for item in self.declared.values())

    def _declared_place(self, declared: DeclaredInput, whole: bool) -> tuple[Place, str, tuple[Place, ...]]:
        place = (declared.place or "").lower()
        if place == "path":
            placeholder = match(declared.name, self.own_path)
            if placeholder is None:
                what = f"the input {declared.name!r} has no place in {self.exposed.path!r}"
                raise Quarantine("lost-identifier", declared.at, what, f"write {{{declared.name}}} into the path")
            return "path", placeholder, ()
        if place == "body":
            return ("body", "body", ()) if whole and self._from_body == 1 else ("member", declared.name, ())
        if place in ("query", "header", "cookie"):
            return place, declared.name, ()  # type: ignore[return-value]  # one of three literals
        raise _no_place(declared)

    def _check_placeholders(self, slots: dict[tuple[Place, str], Input]) -> None:
        for placeholder in self.placeholders:
            if ("path", placeholder) not in slots:
                where = f"{{{placeholder}}} of {self.exposed.path!r}"
                what = f"the placeholder {where} reaches nothing of {self.operation.address}"
                self._lost(self.exposed.at, what)

    # --- what there is to say ---------------------------------------------------------------------------------------

    def _report_inferred(self, names: dict[str, str]) -> None:
        found = [names[raw] for raw in self.inferred if raw in names and match(raw, self.declared_names) is None]
        if found:
            what = f"inputs taken from {self.operation.address}: {', '.join(dict.fromkeys(found))}"
            self._say("inferred-input", self.exposed.at, what)

    def _matched(self, written: str, meant: str, at: Mark) -> None:
        if written != meant:
            self._say("normalized-name", at, f"{written!r} is read as {meant!r}")

    def _unbound(self, name: str, at: Mark) -> None:
        hint = near(name, [*self.bindings.names, *self.names.inputs]) or None
        self._say_hint("unbound-variable", at, f"nothing declares the variable {name!r}", hint)

    def _say_hint(self, code: str, at: Mark, message: str, hint: str | None = None) -> None:
        self.report.add(code, at, message, hint=hint, operation=self.exposed.name)

    def _say(self, code: str, at: Mark, what: str) -> None:
        self.report.add(code, at, what, operation=self.exposed.name)


def _no_place(declared: DeclaredInput) -> Quarantine:
    what = f"the input {declared.name!r} cannot come from {declared.place!r}"
    return Quarantine("bad-input-place", declared.at, what, near(declared.place or "", _QUALIFIED) or None)


def _as_written(item: Value, node: Node | None) -> Value:
    """A number that its author wrote, in a place for text: `2.10` is a version, and stays `2.10`."""
    number = isinstance(item, Constant) and type(item.value) in (int, float)
    return Constant(str(node)) if number and isinstance(node, Scalar) and _DECIMAL.fullmatch(node) else item


def _placeholders(exposed: Exposed) -> list[str]:
    if exposed.path is None:
        return []
    return [part.name for part in parse_path(exposed.path) if isinstance(part, Var)]
