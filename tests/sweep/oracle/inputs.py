"""What a caller gives to an exposed operation, and where each value of the upstream request comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from oracle import paths
from oracle.document import NOTHING, Consumed, Document, Exposed, Param, supplied
from oracle.expressions import FACES, Bound, Expression, Input, inputs, template, variables
from oracle.names import match, norm

WRITES = ("POST", "PUT", "PATCH", "DELETE")
UNDOING = ("PUT", "PATCH", "DELETE")
RESERVED = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
PLACES = ("query", "path", "header", "cookie", "body")
BODIES = {
    "json": "json",
    "form": "form",
    "formurlencoded": "form",
    "multipart": "multipart",
    "multipartform": "multipart",
    "text": "text",
    "xml": "xml",
    "sparql": "sparql",
    "yaml": "yaml",
}


@dataclass(frozen=True)
class Feed:
    """One value of the upstream request."""

    place: str
    """path, query, header, cookie, member (of a JSON body) or body (the whole)."""
    name: str
    value: Any
    type: str | None = None
    required: bool = False
    undeclared: bool = False
    """A member that the consumed operation does not name."""


@dataclass(frozen=True)
class Given:
    """An input: its name, what it has to be, and for REST where it stands, other places after the first."""

    name: str
    type: str | None
    required: bool
    places: tuple[str, ...]
    wire: str
    enum: tuple[Any, ...] | None = None
    text: bool = False
    """Whether it is sent as text alone."""

    @property
    def listed(self) -> str | None:
        """The type that callers are shown."""
        text = self.text and all(isinstance(item, str) for item in self.enum or ())
        return self.type or ("string" if text else None)


@dataclass
class Wired:
    """A call: its inputs, what they feed, and what nothing takes."""

    inputs: list[Given] = field(default_factory=list)
    feeds: list[Feed] = field(default_factory=list)
    body: str = "none"
    """none, entity, members, template or handed (through)."""
    encoding: str = "json"
    lost: list[str] = field(default_factory=list)
    homeless: list[str] = field(default_factory=list)
    """Consumed path parameters without a placeholder."""
    broken: list[str] = field(default_factory=list)
    """Why it cannot be sent at all."""
    free: list[str] = field(default_factory=list)
    """Placeholders of the exposed path that are no input."""


class Wiring:
    """The work of wiring one call."""

    def __init__(self, exposed: Exposed, op: Consumed, document: Document, given: Iterable[str]) -> None:
        self.exposed, self.op, self.document = exposed, op, document
        self.bound = {key for keys in document.binds.values() for key in keys} | set(given)
        self.out = Wired()
        self.declared = {p.name: p for p in exposed.params if p.name}
        self.with_ = exposed.with_ or {}
        self.qualified: dict[str, str] = {}
        self.auth = supplied(op.entry)
        self.holes = [
            piece.name
            for piece in paths.parse(op.bare)
            if isinstance(piece, paths.Hole) and not (piece.double and self._binding(piece.name))
        ]
        self.holes = list(dict.fromkeys(self.holes))
        self.params = [p for p in op.params if p.name and not self._sent_by_auth(p)]
        self.spot = {id(p): self._spot(p) for p in self.params}
        self._body()
        self.names = self._names()
        self._authentication_wins()
        self.sources: dict[str, Any] = {}
        self.unknown: list[str] = []
        for key, written in self.with_.items():
            target = match(key, self.names)
            value = self._source(written)
            if target is None:
                self.unknown.append(key)
                self.sources[key] = value
            else:
                self.sources[target] = value

    # what is consumed

    def _binding(self, name: str) -> str | None:
        namespace, _, key = name.partition(".")
        if namespace in self.document.binds and key in self.document.binds[namespace]:
            return key
        return name if name in self.bound else None

    def _sent_by_auth(self, param: Param) -> bool:
        place = param.place or ""
        name = param.name.lower() if place == "header" else param.name
        return name in self.auth.get(place, ())

    def _authentication_wins(self) -> None:
        """Drop the `with` entries and declared inputs that name what authentication sends."""
        taken = {p.name for p in self.op.params if p.name and p not in self.params}
        taken |= {name for names in self.auth.values() for name in names}
        taken = {name for name in taken if not match(name, self.names)}
        dropped = [key for key in self.with_ if match(key, taken)]
        read = {n for key in dropped for n in inputs(self._source(self.with_[key]))}
        self.with_ = {key: value for key, value in self.with_.items() if key not in dropped}
        kept = {n for value in self.with_.values() for n in inputs(self._source(value))}
        self.gone = {
            name
            for name in self.declared
            if not match(name, {*kept, *self.names})
            and (match(name, taken) or (match(name, read) and not match(name, self._exposed_holes())))
        }
        self.qualified.clear()
        self.declared = {name: param for name, param in self.declared.items() if name not in self.gone}
        self.taken = taken
        self.pairs = self.exposed.with_ is None or bool(dropped and not self.with_)

    def _spot(self, param: Param) -> tuple[str, str]:
        """Where a parameter lands, and under which name."""
        hole = match(param.name, self.holes)
        match param.place:
            case "path":
                return ("path", hole) if hole else ("homeless", param.name)
            case None:
                if hole:
                    return "path", hole
                return ("body" if self.op.method in WRITES else "query"), param.name
        return str(param.place), param.name

    def _body(self) -> None:
        """What the consumed operation declares as its body."""
        body = self.op.body
        self.fields = [p for p in self.params if self.spot[id(p)][0] == "body"]
        self.template: Any = NOTHING
        if isinstance(body, str):
            self.template, self.out.encoding = _text_body(body)
        elif isinstance(body, dict):
            encoding = BODIES.get(norm(str(body.get("type", "json"))))
            if encoding is None:
                self.out.broken.append("body type")
            self.out.encoding = encoding or "json"
            if body.get("data") is not None:
                self.template = body["data"]
            if self.out.encoding in ("text", "xml", "sparql") and not isinstance(self.template, str):
                self.out.broken.append("body data")
            if self.out.encoding == "json" and isinstance(self.template, str):
                self.template = _json(self.template)
        if self.template is not NOTHING:
            self.out.body = "template"
        elif [p.name for p in self.fields] == ["body"]:
            self.out.body = "entity"
            self._fixed_type()
        elif self.fields:
            self.out.body = "members"
            self._fixed_type()
        elif self.op.method in WRITES:
            self.out.body = "handed"

    def _fixed_type(self) -> None:
        """What a `Content-Type` that the document fixes makes of `in: body` parameters."""
        fixed = [p for p in self.params if p.place == "header" and p.name.lower() == "content-type"]
        kind = str(fixed[0].value).partition(";")[0].strip().lower() if fixed and fixed[0].value is not NOTHING else ""
        if not kind or "{{" in kind or kind == "application/json" or kind.endswith("+json"):
            return
        if kind == "application/x-www-form-urlencoded":
            self.out.encoding = "form"
        elif kind == "multipart/form-data":
            self.out.encoding = "multipart"
            self.params.remove(fixed[0])
        elif self.out.body == "members":
            self.out.broken.append("body type")
        else:
            self.out.encoding = "text"

    def _names(self) -> list[str]:
        names = [*self.holes, *(p.name for p in self.params if match(p.name, self.holes) is None or p.place != "path")]
        names += self._variables()
        if self.out.body == "handed":
            names.append("body")
        return list(dict.fromkeys(names))

    def _variables(self) -> list[str]:
        """The inputs that the body template names, in order."""
        found = variables(self.template) if self.template is not NOTHING else set()
        for param in self.params:
            if param.value is not NOTHING:
                found |= variables(param.value)
        return sorted(found)

    # where values come from

    def _source(self, written: Any) -> Any:
        if isinstance(written, str):
            faces = "|".join(re.escape(face) for face in ("rest", "tools", self.exposed.namespace) if face)
            found = re.fullmatch(rf"(?:{faces})\.(\S+)", written)
            if found:
                return self._input(found[1])
            namespace, _, key = written.partition(".")
            if key in self.document.binds.get(namespace, ()):
                return Bound(key)
            meant = self._respelled(written, faces)
            if meant is not None:
                return self._input(meant)
        return template(written, self._with_variable)

    def _respelled(self, written: str, faces: str) -> str | None:
        """The known input that another spelling of a source means."""
        inner = re.fullmatch(r"\$\{\s*([^{}\s]+)\s*\}|\{\s*([^{}\s]+)\s*\}|\$([^{}\s]+)", written)
        text = next((group for group in inner.groups() if group), "") if inner else written
        if self._binding(text) or text.partition(".")[0] in {"env", *self.document.binds}:
            return None
        known = {*self.declared, *self.names, *re.findall(r"\{+([^{}]+)\}+", self.exposed.path or "")}
        if "." not in text:
            return text if written.startswith("${") and match(text, known) else None
        words = "params|args|arguments|inputs?|request|query|path|body|headers|tool" + (f"|{faces}" if inner else "")
        found = re.fullmatch(rf"(?:{words})\.(\S+)", text)
        if found is None:
            return None
        name = found[1]
        short = name.partition(".")[2] if name.partition(".")[0] in {*PLACES, "params", "headers"} else ""
        return next((one for one in (name, short) if one and match(one, known)), None)

    def _with_variable(self, name: str) -> Expression:
        if name.startswith((*FACES, self.exposed.namespace + ".")):
            return self._input(name.partition(".")[2])
        bound = self._binding(name)
        if bound:
            return Bound(bound)
        return self._input(name) if name in {*self.declared, *self.names} else Bound(name)

    def _input(self, name: str) -> Input:
        """The input that a source names."""
        if name not in self.declared and name not in self.names:
            place, _, rest = name.partition(".")
            if place in PLACES and rest:
                name = rest
                own = match(name, self.declared) or name
                self.qualified[own] = place
                return Input(own)
        return Input(match(name, self.declared) or name)

    def _own(self, name: str) -> Input:
        """The input of a consumed name that nothing else supplies."""
        if name in self.declared:
            return Input(name)
        alike = match(name, self.declared)
        used = {n for value in self.sources.values() for n in inputs(value)}
        return Input(alike if alike and alike not in used else name)

    def _value(self, name: str) -> Any:
        """What feeds a consumed name."""
        return self.sources[name] if name in self.sources else self._own(name)

    def _inner_variable(self, name: str) -> Any:
        """A variable inside a consumed body or `value`."""
        if name.startswith((*FACES, self.exposed.namespace + ".")):
            return self._value(name.partition(".")[2])
        bound = self._binding(name)
        if bound:
            return Bound(bound)
        return self._value(name) if name in self.names or name in self.declared else Bound(name)

    # the result

    def wire(self) -> Wired:
        """The wired call."""
        for name in self.holes:
            param = next((p for p in self.params if self.spot[id(p)] == ("path", name)), None)
            fixed = param is not None and param.value is not NOTHING
            value = template(param.value, self._inner_variable) if fixed and param else self._value(name)
            self.out.feeds.append(Feed("path", name, value, param.type if param else None, True))
        for param in self.params:
            place, name = self.spot[id(param)]
            if place == "homeless":
                self.out.homeless.append(name)
            if place in ("path", "homeless") or (place == "header" and name.lower() in RESERVED):
                continue
            if place == "body" and self.out.body == "template":
                continue
            if param.value is not NOTHING:
                value = template(param.value, self._inner_variable)
            else:
                value = self._value(name)
            if place == "body":
                place = "body" if self.out.body == "entity" else "member"
            self.out.feeds.append(Feed(place, name, value, param.type, bool(param.required)))
        self._template_feed()
        self._unknown()
        self._inputs()
        return self.out

    def _template_feed(self) -> None:
        if self.out.body == "template":
            self.out.feeds.append(Feed("body", "", template(self.template, self._inner_variable)))

    def _unknown(self) -> None:
        """What no consumed parameter knows: `with` keys and declared inputs."""
        extra = [(key, self.sources[key]) for key in self.unknown]
        used = {n for value in self.sources.values() for n in inputs(value)}
        used |= {n for feed in self.out.feeds for n in inputs(feed.value)}
        self._pair()
        used |= set(self.paired)
        for name in self.declared:
            if name not in used and not (self.out.body == "handed" and name == "body"):
                if self.op.method in UNDOING and match(name, self._exposed_holes()):
                    continue  # An identifier in the path of what changes or deletes is lost, not a mere member.
                extra.append((name, Input(name)))
        # What is deleted, or replaced at an address without a placeholder, is named by all that a caller gives.
        if self.op.method == "DELETE" or (self.op.method in UNDOING and not self.holes):
            own = [one for one in extra if one[0] not in self.exposed.shared]
            self.out.lost += [key for key, _ in own]
            extra = [one for one in extra if one not in own and self.op.method != "DELETE"]
        if self.op.method not in WRITES:
            self.out.feeds += [Feed("query", key, value) for key, value in extra]
        elif extra and (self.out.body == "members" or (self.out.body == "handed" and "body" not in self.sources)):
            # The rules say what happens beside no body; beside members, one more is the same object.
            self.out.body = "members"
            self.out.feeds += [Feed("member", key, value, undeclared=True) for key, value in extra]
        else:
            self.out.lost += [key for key, _ in extra if key not in self.exposed.shared]
        if self.out.body == "handed" and any(place == "body" for place in self.qualified.values()):
            self.out.body = "none"
        if self.out.body == "handed":
            self.out.feeds.append(Feed("body", "body", self._value("body"), self._handed()))

    def _handed(self) -> str | None:
        """The type of a body that nobody declares: what a tool takes for it goes by a fixed content type."""
        if self.auth.get("body"):
            return "object"
        if self.exposed.method is not None:
            return None
        self._fixed_type()
        if self.out.encoding == "multipart":
            self.out.feeds = [feed for feed in self.out.feeds if feed.name.lower() != "content-type"]
        return {"text": "string", "multipart": "object"}.get(self.out.encoding)

    def _inputs(self) -> None:
        names: dict[str, None] = dict.fromkeys(self.declared)
        for value in self.sources.values():
            names.update(dict.fromkeys(inputs(value)))
        for feed in self.out.feeds:
            names.update(dict.fromkeys(inputs(feed.value)))
        wires = self._placeholders(list(names))
        for name in names:
            self.out.inputs.append(self._given(name, wires))
        self.out.free = [p for p in self._exposed_holes() if p not in wires.values()]
        if self.op.method in UNDOING:
            told = {name for feed in self.out.feeds if not feed.undeclared for name in inputs(feed.value)}
            lost = [*self.out.free, *(hole for name, hole in wires.items() if name not in told)]
            self.out.lost += [hole for hole in lost if not match(hole, self.taken)]
        else:
            self.out.lost = []

    def _exposed_holes(self) -> list[str]:
        return paths.holes(self.exposed.path) if self.exposed.path else []

    def _pair(self) -> None:
        """Without `with`, equal numbers of placeholders that have no namesake on the other side pair in order."""
        self.paired: dict[str, str] = {}
        theirs = self._exposed_holes()
        reached = [f.value.name for f in self.out.feeds if isinstance(f.value, Input)]
        ours = [f.value.name for f in self.out.feeds if f.place == "path" and isinstance(f.value, Input)]
        ours = [name for name in ours if not match(name, theirs)]
        theirs = [hole for hole in theirs if not match(hole, reached)]
        if not self.pairs or len(ours) != len(theirs):
            return
        renamed = {}
        for name, hole in zip(ours, theirs, strict=True):
            own = match(hole, self.declared) or name
            self.paired[own] = hole
            renamed[Input(name)] = Input(own)
        self.out.feeds = [
            replace(feed, value=renamed.get(feed.value, feed.value)) if isinstance(feed.value, Input) else feed
            for feed in self.out.feeds
        ]

    def _placeholders(self, names: list[str]) -> dict[str, str]:
        """Inputs that stand in the exposed path, each with its placeholder."""
        holes = self._exposed_holes()
        sources = {n for value in self.sources.values() for n in inputs(value)}
        out = dict(self.paired)
        for name in sorted(names, key=lambda n: n not in sources):
            if name in self.qualified and self.qualified[name] != "path":
                continue
            declared = self.declared.get(name)
            if declared is not None and declared.place not in (None, "path"):
                continue
            hole = match(name, holes)
            if hole and hole not in out.values():
                out[name] = hole
        return out

    def _given(self, name: str, wires: dict[str, str]) -> Given:
        declared = self.declared.get(name)
        whole = [feed for feed in self.out.feeds if feed.value == Input(name)]
        typed = [p for p in self.fields if self.out.body == "template" and self._value(p.name) == Input(name)]
        types = [feed.type for feed in whole if feed.type] + [p.type for p in typed if p.type]
        required = any(feed.required for feed in whole) or any(p.required for p in typed)
        by_path = any(feed.place == "path" and name in inputs(feed.value) for feed in self.out.feeds)
        if declared is not None and declared.required is not None:
            required = declared.required
        places = self._places(name, declared, wires)
        return Given(
            name=name,
            type=(declared.type if declared else None) or (types[0] if types else None),
            required=required or by_path or places[:1] == ("path",),
            places=places,
            wire=wires.get(name, name),
            enum=declared.enum if declared else None,
            text={f.place in ("body", "member") for f in self.out.feeds if name in inputs(f.value)} == {False},
        )

    def _places(self, name: str, declared: Param | None, wires: dict[str, str]) -> tuple[str, ...]:
        if self.exposed.method is None:
            return ("argument",)
        feeds = [feed for feed in self.out.feeds if name in inputs(feed.value)]
        whole = any(feed.place == "body" and feed.value == Input(name) for feed in feeds)
        whole = whole and self.out.body in ("entity", "handed")
        place = (declared.place if declared else None) or self.qualified.get(name)
        if place == "body":
            return ("body",) if whole else ("member",)
        if place:
            return (place,)
        if name in wires:
            return ("path",)
        writes = self.exposed.method in WRITES
        if whole:
            return ("body",)
        if any(feed.place == "header" for feed in feeds):
            return "header", "query"
        if not writes or self.out.body in ("entity", "handed"):
            return ("query",)
        if any(feed.place in ("member", "body") for feed in feeds):
            return "member", "query"
        return "query", "member"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text_body(text: str) -> tuple[Any, str]:
    try:
        value = json.loads(text)
    except ValueError:
        return text, "text"
    return (value, "json") if isinstance(value, dict | list) else (text, "text")


def wire(exposed: Exposed, op: Consumed, document: Document, given: Iterable[str] = ()) -> Wired:
    """A call, wired."""
    return Wiring(exposed, op, document, given).wire()
