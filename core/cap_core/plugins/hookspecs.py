"""The hooks of plugins. The core calls each one once, when plugins are loaded or the gateway starts."""

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
"""Marks a plugin's implementation of one of these hooks."""


@hookspec
def cap_capabilities() -> Iterable[CapabilitySource]:
    """Called first: the capability documents that the plugin installs."""
    raise NotImplementedError


@hookspec
def cap_auth_schemes() -> Iterable[AuthScheme[Any]]:
    """Called before compiling: the `authentication.type`s that the plugin sends or checks."""
    raise NotImplementedError


@hookspec
def cap_output_mappers() -> Iterable[OutputMapper[Any]]:
    """Called before compiling: the `outputRawFormat`s that the plugin decodes."""
    raise NotImplementedError


@hookspec
def cap_exposures() -> Iterable[Exposure[Any]]:
    """Called before compiling: the `exposes[].type`s that the plugin serves."""
    raise NotImplementedError


@hookspec
def cap_bindings() -> Iterable[BindingResolver]:
    """Called before compiling: the `binds[].location` schemes that the plugin reads."""
    raise NotImplementedError


@hookspec
def cap_transports() -> Iterable[Transport]:
    """Called before opening: the transports by which requests can be sent to an upstream."""
    raise NotImplementedError


@hookspec
def cap_interceptors() -> Iterable[Interceptor]:
    """Called before opening: functions around calls and around each request sent. The first one is the outermost."""
    raise NotImplementedError


@hookspec
def cap_diagnose() -> Iterable[DiagnosticRule]:
    """Called after compiling: extra lint rules."""
    raise NotImplementedError


@hookspec
def cap_app_init(app_config: AppConfig) -> None:
    """Called before the Litestar app of the pages is built; exposed operations and tools are not routed by it."""


@hookspec
def cap_asgi() -> Iterable[AsgiWrapper]:
    """Called when listeners are built: ASGI middleware around a listener's whole app."""
    raise NotImplementedError
