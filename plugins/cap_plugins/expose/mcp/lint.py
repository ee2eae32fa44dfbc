"""Says of tools what a model would stumble over: names, bodies, types and descriptions that say too little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from cap_core.diagnostics.codes import CODES
from cap_core.diagnostics.report import Diagnostic
from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.lint import DiagnosticRule
from cap_core.syntax.templates import Var
from cap_plugins.expose.mcp.model import LONG_NAME
from cap_plugins.expose.mcp.tool_names import assign_names, is_shortened, union_names

if TYPE_CHECKING:
    from cap_core.errors import Mark
    from cap_core.plan.call import Call
    from cap_core.plan.plan import CapabilityPlan, ExposurePlan

_log = get_logger("cap.mcp")

_SHOWN: Final = 3
_CUT: Final = (160, 240)
"""Characters at which catalogues cut descriptions, in the middle of a word."""
_ENDS: Final = ".!?:;)]}>\"'`…"


def diagnose(plan: CapabilityPlan) -> Iterator[Diagnostic]:
    """What is said of a document's tools, each kind once."""
    exposures = [exposure for exposure in plan.exposures if exposure.type == "mcp"]
    tools = [(exposure, call) for exposure in exposures for call in exposure.calls]
    yield from _deletes([call for _, call in tools])
    yield from _opaque_bodies([call for _, call in tools])
    yield from _untyped_members([call for _, call in tools])
    yield from _cut_descriptions([call for _, call in tools])
    yield from _shortened_names(tools)


def _deletes(tools: Iterable[Call]) -> Iterator[Diagnostic]:
    """Tools that delete without anything that says what."""
    for call in tools:
        bare = [one for one in call.operations if one.method == "DELETE" and not _varies(one.segments)]
        if bare and all(item.opaque for item in call.inputs.items):
            what = (
                f"the tool {call.exposed.name!r} deletes whatever {bare[0].path} is, and takes nothing that says what"
            )
            yield _diagnostic("bare-delete", call.exposed.at, what)


def _varies(segments: Iterable[str | Var]) -> bool:
    return any(isinstance(part, Var) for part in segments)


def _opaque_bodies(tools: Iterable[Call]) -> Iterator[Diagnostic]:
    found = [
        call
        for call in tools
        if any(item.opaque for item in call.inputs.items) and call.answering and call.answering.method != "DELETE"
    ]
    if found:
        what = f"{_counted(found)} a body of which nothing is declared"
        yield _diagnostic("opaque-body", found[0].exposed.at, what)


def _untyped_members(tools: Iterable[Call]) -> Iterator[Diagnostic]:
    found = [call for call in tools if _untyped(call)]
    if found:
        names = ", ".join(dict.fromkeys(repr(name) for call in found for name in _untyped(call)))
        what = f"{_counted(found)} inputs without a type: {names}"
        yield _diagnostic("untyped-member", found[0].exposed.at, what)


def _untyped(call: Call) -> list[str]:
    return [
        item.name for item in call.inputs.items if "type" not in item.schema() and not item.opaque and not item.of.enum
    ]


def _counted(tools: Sequence[Call]) -> str:
    names = ", ".join(repr(call.exposed.name) for call in tools[:_SHOWN])
    more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
    return f"the {'tools' if len(tools) > 1 else 'tool'} {names}{more} {'have' if len(tools) > 1 else 'has'}"


def _cut_descriptions(tools: Iterable[Call]) -> Iterator[Diagnostic]:
    texts: list[tuple[str, Mark]] = []
    for call in tools:
        texts.append((call.exposed.description or call.describes.description, call.exposed.at))
        texts += [(item.description, item.at) for item in call.inputs.items]
    found = {text: at for text, at in reversed(texts) if _is_cut(text)}
    if found:
        text, at = min(found.items(), key=lambda pair: (pair[1].line, pair[1].column))
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield _diagnostic("cut-description", at, f"the description that ends in {text[-24:]!r}{more} is cut off")


def _is_cut(text: str) -> bool:
    """Whether a description has a length at which catalogues cut, and no end; a blank at its end may be gone."""
    return any(len(text) in (length - 1, length) for length in _CUT) and text[-1] not in _ENDS


def _shortened_names(tools: Sequence[tuple[ExposurePlan, Call]]) -> Iterator[Diagnostic]:
    """Names that several tools of the document have, and that are too long with what tells them apart."""
    pairs = [(exposure, call.exposed.name) for exposure, call in tools]
    found = [(call, name) for (_, call), (_, name) in zip(tools, _shortened(pairs), strict=True) if name]
    if found:
        call, name = found[0]
        more = f", and {len(found) - 1} more like it" if len(found) > 1 else ""
        what = f"the tool {call.exposed.name!r} is listed as {name!r}{more}: another exposure has a tool of its name"
        yield _diagnostic("shortened-tool-name", call.exposed.at, what)


def _shortened(tools: Sequence[tuple[ExposurePlan, str]]) -> list[tuple[str, str]]:
    """The capability of each tool, and its name among all of them if that is shortened, else ""."""
    parts = [(exposure.about.name, exposure.namespace, name) for exposure, name in tools]
    listed = assign_names([union_names(*one) for one in parts]).listed
    return [(one[0], name if is_shortened(name, *one) else "") for one, name in zip(parts, listed, strict=True)]


def warn_of_names(tools: Sequence[tuple[ExposurePlan, str]]) -> None:
    """Warn, once for each capability, of names at the address of all tools that are shortened or long."""
    shortened: dict[str, list[str]] = {}
    for capability, name in _shortened(tools):
        if name:
            shortened.setdefault(capability, []).append(name)
    for capability, names in shortened.items():
        what = f"{len(names)} of the tools of {capability} are listed on /mcp under shortened names, such as {names[0]}"
        _log.warning(f"{what}: other tools have their names; serve it under a shorter name, or by /mcp/{capability}")
    long: dict[str, list[str]] = {}
    for exposure, name in tools:
        if len(name) > LONG_NAME:
            long.setdefault(exposure.about.name, []).append(name)
    for capability, names in long.items():
        what = f"{len(names)} of the tools of {capability} have names over {LONG_NAME} characters, such as {names[0]}"
        _log.warning(f"{what}: clients that put a prefix before them may refuse them; shorten them in the document")


def _diagnostic(code: str, at: Mark, what: str) -> Diagnostic:
    row = CODES[code]
    return Diagnostic(at, row.severity, code, what, row.remedy)


RULE: Final = DiagnosticRule(key="mcp-tools", codes=(), diagnose=diagnose)
