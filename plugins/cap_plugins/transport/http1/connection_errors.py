"""Why a connection could not be made, in words for people."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def failure_reason(error: BaseException) -> str:
    """The innermost cause of a library's exception in plain words, such as `connection refused`."""
    for cause in _causes(error):
        if verify := getattr(cause, "verify_message", ""):
            return f"its certificate is not accepted ({verify})"
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return f"TLS failed ({cause.reason.lower().replace('_', ' ')})"
        if isinstance(cause, socket.gaierror | UnicodeError):
            return "its name does not resolve"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno).lower()
    return "the connection ended while it was being made"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exceptions inside an exception, the innermost first: a wrapper often lacks half of its cause's attributes."""
    inner = [error.__cause__, *error.args, *getattr(error, "exceptions", ())]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
    yield error
