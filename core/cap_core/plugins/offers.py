"""What plugins offer, checked when it is collected, and with every function of it guarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from cap_core.diagnostics.codes import CODES, Code, Severity
from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import OptionError, PluginError, SpecError
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.exposed import ExposedOperation
from cap_core.plugins.auth import AuthFlow, AuthScheme, Credentials
from cap_core.plugins.binding import BindingResolver
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.plugins.exposure import Exposure, MountedExposure, Route
from cap_core.plugins.guard import Source, Unfit, guarded
from cap_core.plugins.guarded_sources import guarded_resolver
from cap_core.plugins.guarded_transport import guarded_transport
from cap_core.plugins.interception import AsgiWrapper, Interceptor
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.output import OutputMapper
from cap_core.plugins.transport import Transport

_log = get_logger("cap.plugin")

_FUNCTIONS: dict[type, tuple[str, ...]] = {
    AuthScheme: ("sign", "check", "caller_option"),
    OutputMapper: ("compile",),
    Exposure: ("declared", "attach"),
    BindingResolver: ("parse",),
    Transport: ("open",),
    Interceptor: ("wrap_call", "wrap_send"),
    DiagnosticRule: ("diagnose",),
    AsgiWrapper: ("wrap",),
}
_OPTIONAL = frozenset({"sign", "check", "caller_option"})


def secured(offer: Any, source: Source, what: str, at: str = "") -> Any:
    """An offer whose functions raise only what they may, and give what they have to.

    `what` names the offer in messages, `at` is the place where it is offered. Raises `PluginError`.
    """
    problem = _unusable(offer)
    if problem:
        raise source.fault(f"the {what} cannot be used: {problem}", at)

    def guard(name: str, fits: Callable[[Any], Any], *documented: type[Exception], of: Any = offer) -> Any:
        function = getattr(of, name)
        if function is None:
            return None
        return guarded(source, f"{name} of the {what}", function, fits, documented=documented)

    if isinstance(offer, BindingResolver):
        return guarded_resolver(offer, source, what)
    if isinstance(offer, Transport):
        return guarded_transport(offer, source, what)
    return msgspec.structs.replace(offer, **_guards(offer, guard))


def _guards(offer: Any, guard: Callable[..., Any]) -> dict[str, Any]:
    """The guarded functions of an offer, by their names."""
    if isinstance(offer, AuthScheme):
        return {
            "sign": guard("sign", lambda given: _signed(given, guard), OptionError),
            "check": guard("check", a_function, OptionError),
            "caller_option": guard("caller_option", _a_mapping, OptionError),
        }
    if isinstance(offer, OutputMapper):
        return {"compile": guard("compile", a_function, OptionError)}
    if isinstance(offer, Exposure):
        return {
            "declared": guard("declared", lambda given: each(given, ExposedOperation), SpecError),
            "attach": guard("attach", lambda given: _mounted(given, guard)),
        }
    if isinstance(offer, Interceptor):
        return {name: guard(name, a_function) for name in ("wrap_call", "wrap_send")}
    if isinstance(offer, DiagnosticRule):
        return {"diagnose": guard("diagnose", lambda given: _diagnostics(given, offer.codes))}
    return {"wrap": guard("wrap", a_function)} if isinstance(offer, AsgiWrapper) else {}


# --- offers -----------------------------------------------------------------------------------------------------------


def _unusable(offer: Any) -> str:
    """Why an offer cannot be used; "" if it can."""
    if isinstance(offer, CapabilitySource):
        return _unusable_capability(offer)
    if not isinstance(offer.key, str) or not (offer.key or isinstance(offer, BindingResolver)):
        return f"its key is {offer.key!r}, and has to be a text"
    for name in _FUNCTIONS[type(offer)]:
        function = getattr(offer, name)
        if not callable(function) and not (function is None and name in _OPTIONAL):
            return f"{name} is no function"
    options = getattr(offer, "options", msgspec.Struct)
    if not (isinstance(options, type) and issubclass(options, msgspec.Struct)):
        return "its options are no msgspec.Struct class"
    if not isinstance(getattr(offer, "default_port", 0), int):
        return "its default_port is no number"
    if isinstance(offer, AuthScheme) and offer.sign is None and offer.check is None:
        return "it neither signs nor checks"
    if isinstance(offer, Interceptor) and not offer.wraps:
        return "it wraps neither calls nor sendings"
    return _unusable_codes(offer.codes) if isinstance(offer, DiagnosticRule) else ""


def _unusable_capability(offer: Any) -> str:
    if not isinstance(offer.name, str) or not offer.name:
        return f"its name is {offer.name!r}, and has to be a text"
    if not isinstance(offer.document, Path):
        return "its document is no Path"
    if not offer.document.exists():
        return f"there is no {offer.document}"
    if not isinstance(offer.defaults, Mapping) or not all(isinstance(v, str) for v in offer.defaults.values()):
        return "its defaults are no mapping from names to texts"
    return ""


def _unusable_codes(codes: object) -> str:
    if not isinstance(codes, tuple | list) or not all(isinstance(code, Code) for code in codes):
        return "its codes are no tuple of Code"
    severities = get_args(Severity)
    wrong = next((code for code in codes if code.severity not in severities), None)
    return f"the severity of {wrong.name!r} is none of {', '.join(severities)}" if wrong is not None else ""


# --- results ----------------------------------------------------------------------------------------------------------


def a_function(given: object) -> object:
    """A result that has to be a function."""
    if not callable(given):
        raise Unfit(given, "a function")
    return given


def each(given: Any, type_: type) -> tuple[Any, ...]:
    """The members of a result that has to give objects of a type."""
    if isinstance(given, str | bytes | type_) or not isinstance(given, Iterable):
        raise Unfit(given, f"a list of {type_.__name__}")
    members = tuple(given)
    for member in members:
        if not isinstance(member, type_):
            article = "an" if type_.__name__[0] in "AEIOU" else "a"
            raise Unfit(member, f"{article} {type_.__name__}", "a list with ")
    return members


def _a_mapping(given: object) -> object:
    if not isinstance(given, Mapping):
        raise Unfit(given, "a mapping")
    return given


def _signed(given: Any, guard: Callable[..., Any]) -> Credentials | AuthFlow:
    shown = given.shown if isinstance(given, AuthFlow) else given
    if not isinstance(shown, Credentials):
        raise Unfit(shown, "Credentials or an AuthFlow")
    for name, kind in (("headers", bytes), ("query", str), ("cookies", str), ("members", str)):
        pairs = getattr(shown, name)
        if not isinstance(pairs, tuple | list) or not all(_is_pair(pair, kind) for pair in pairs):
            raise Unfit(pairs, f"pairs of {kind.__name__}", f"Credentials whose {name} are ")
    if isinstance(given, AuthFlow):
        a_function(given.wrap)
    result: Credentials | AuthFlow = given
    return result


def _is_pair(pair: object, kind: type) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, kind) for part in pair)


def _mounted(given: object, guard: Callable[..., Any]) -> MountedExposure:
    if not isinstance(given, MountedExposure):
        raise Unfit(given, "a MountedExposure")
    for route in each(given.routes, Route):
        if not isinstance(route.template, str) or not route.template.startswith("/") or not callable(route.endpoint):
            raise Unfit(route.endpoint, "a template that begins with / and an endpoint", "a Route with ")
    return msgspec.structs.replace(
        given,
        openapi=guard("openapi", _a_mapping, of=given),
        drain=_logged(guard("drain", _anything, of=given)),
        replaced=_logged(guard("replaced", _anything, of=given)),
    )


def _anything(given: object) -> object:
    return given


def _logged(function: Callable[[], object] | None) -> Callable[[], None] | None:
    """A function that is called while the gateway stops or changes, which goes on all the same."""
    if function is None:
        return None

    def call() -> None:
        try:
            function()
        except PluginError as fault:
            _log.error(fault.what)

    return call


def _diagnostics(given: object, codes: Iterable[Code]) -> tuple[Diagnostic, ...]:
    found: tuple[Diagnostic, ...] = each(given, Diagnostic)
    for item in found:
        if item.code not in CODES and item.code not in {code.name for code in codes}:
            raise Unfit(item.code, "a code that its rule declares", f"a Diagnostic of the code {item.code!r}: ")
        if item.severity not in get_args(Severity):
            raise Unfit(item.severity, ", ".join(get_args(Severity)), "a Diagnostic whose severity is ")
    return found
