"""Say in plain words why a connection could not be made."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def reason(error: BaseException) -> str:
    """The cause that a library wrapped into its own exceptions, in words for a person."""
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
    """The innermost first: a wrapper tends to look like what it wraps, with half of its attributes missing."""
    inner = [error.__cause__, *error.args, *getattr(error, "exceptions", ())]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
    yield error
