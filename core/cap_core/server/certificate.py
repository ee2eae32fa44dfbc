"""The certificate that https is served with, which can be renewed while it serves."""

from __future__ import annotations

import ssl
from pathlib import Path

from cap_core.errors import StartError


class Certificate:
    """A certificate chain and its key, from two files. `context` is what connections are accepted with.

    Raises `StartError` for files that cannot be used.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self.files = (chain, key)
        self._current = self.context = _read(chain, key)
        # Asked at the beginning of each connection, also of those that name no server.
        self.context.sni_callback = self._use_current

    def renew(self) -> None:
        """Read the files again, for connections from now on. Raises `StartError`; then the old certificate stays."""
        self._current = _read(*self.files)

    def _use_current(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current


def _read(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(chain, key)
    except ssl.SSLError as error:
        what = f"{chain} and {key} are no certificate with its key: {error.reason or error}"
        raise StartError(what, hint="correct --tls-cert and --tls-key") from None
    except OSError as error:
        missing = key if chain.is_file() else chain
        what = f"{missing} cannot be read: {error.strerror}"
        raise StartError(what, hint="correct --tls-cert and --tls-key") from None
    return context
