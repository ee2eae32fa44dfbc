"""Cap runs capability documents; this module exports the names that plugins need."""

from __future__ import annotations

from cap_core.errors import CapError, FieldError, Mark, OptionError, Refusal, UnsendableError, UpstreamError
from cap_core.logging.secret import Secret
from cap_core.plugins.auth import AuthFlow, AuthScheme, CheckContext, Credentials, SignContext
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.plugins.exposure import AttachContext, ExposeContext, Exposure, MountedExposure, Route
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.interception import AsgiWrapper, Interceptor
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge
from cap_core.plugins.transport import Transport

__all__ = [
    "AsgiWrapper",
    "AttachContext",
    "AuthFlow",
    "AuthScheme",
    "BindContext",
    "BindingResolver",
    "CapError",
    "CapabilitySource",
    "CheckContext",
    "Credentials",
    "DiagnosticRule",
    "ExposeContext",
    "Exposure",
    "FieldError",
    "Interceptor",
    "Mark",
    "MountedExposure",
    "OptionError",
    "OutputContext",
    "OutputMapper",
    "Refusal",
    "Route",
    "Secret",
    "SignContext",
    "TooLarge",
    "Transport",
    "UnsendableError",
    "UpstreamError",
    "hookimpl",
]
