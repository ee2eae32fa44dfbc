"""The TLS context of an upstream: the authorities it is checked against, and the client certificate it is shown."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from cap_core.errors import StartError

if TYPE_CHECKING:
    from cap_core.plan.upstream import Tls


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context for connections to one upstream. Raises `StartError` for a file that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except OSError as error:
        raise _unusable("CA bundle", tls.ca, error) from error
    context.set_alpn_protocols(["http/1.1"])
    if tls.certificate is not None:
        try:
            context.load_cert_chain(tls.certificate, tls.key)
        except OSError as error:
            raise _unusable("client certificate", tls.certificate, error) from error
    return context


def _unusable(what: str, file: str | None, error: OSError) -> StartError:
    # An `ssl.SSLError` is an `OSError` whose text is OpenSSL's source file and line.
    reason = "it does not hold what it should" if isinstance(error, ssl.SSLError) else error.strerror
    return StartError(f"the {what} {file} cannot be used: {reason}", hint="it must be a PEM file")
