"""The questions the core asks its plugins, once, when a plan is compiled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from litestar.config.app import AppConfig

    from cap_core.plugins.auth import AuthScheme
    from cap_core.plugins.binding import BindingResolver
    from cap_core.plugins.capabilities import CapabilitySource
    from cap_core.plugins.exposure import Exposure
    from cap_core.plugins.interception import AsgiWrapper, Interceptor
    from cap_core.plugins.lint import DiagnosticRule
    from cap_core.plugins.output import OutputMapper
    from cap_core.plugins.transport import Transport

hookspec = pluggy.HookspecMarker("cap")
hookimpl = pluggy.HookimplMarker("cap")
"""Marks a plugin's answer to one of these questions."""


@hookspec
def cap_capabilities() -> Iterable[CapabilitySource]:
    """Asked first: which capability documents are installed."""
    raise NotImplementedError


@hookspec
def cap_auth_schemes() -> Iterable[AuthScheme[Any]]:
    """Asked before compiling: which `authentication.type`s can be sent or checked."""
    raise NotImplementedError


@hookspec
def cap_output_mappers() -> Iterable[OutputMapper[Any]]:
    """Asked before compiling: which `outputRawFormat`s can be decoded."""
    raise NotImplementedError


@hookspec
def cap_exposures() -> Iterable[Exposure[Any]]:
    """Asked before compiling: which `exposes[].type`s can be served."""
    raise NotImplementedError


@hookspec
def cap_bindings() -> Iterable[BindingResolver]:
    """Asked before compiling: which `binds[].location` schemes can be read."""
    raise NotImplementedError


@hookspec
def cap_transports() -> Iterable[Transport]:
    """Asked before opening: which ways there are to send a request upstream."""
    raise NotImplementedError


@hookspec
def cap_interceptors() -> Iterable[Interceptor]:
    """Asked before opening: what stands around calls and sendings. The first one asked stands outermost."""
    raise NotImplementedError


@hookspec
def cap_diagnose() -> Iterable[DiagnosticRule]:
    """Asked after compiling: extra lint rules."""
    raise NotImplementedError


@hookspec
def cap_app_init(app_config: AppConfig) -> None:
    """Asked before the Litestar app is built: its pages only; hot routes never pass its middleware or guards."""


@hookspec
def cap_asgi() -> Iterable[AsgiWrapper]:
    """Asked when listeners are built: what wraps a listener's whole app."""
    raise NotImplementedError
