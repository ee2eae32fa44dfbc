"""`type: basic`: a user name and a password (RFC 7617)."""

from __future__ import annotations

import base64

import msgspec

from cap_core.errors import OptionError
from cap_core.plugins.auth import AuthScheme, Credentials, SignContext
from cap_core.plugins.hookspecs import hookimpl


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user name, and a password that may be empty (published documents have both forms)."""

    username: str
    password: str = ""


def sign(options: Options, at: SignContext) -> Credentials:
    """The Authorization header."""
    if ":" in options.username:
        raise OptionError("username", "a user name cannot contain ':'", "it ends where the password begins")
    pair = f"{options.username}:{options.password}".encode()
    return Credentials(headers=((b"Authorization", b"Basic " + base64.b64encode(pair)),))


@hookimpl
def cap_auth_schemes() -> list[AuthScheme[Options]]:
    """Offer basic authentication towards upstreams."""
    return [AuthScheme(key="basic", options=Options, sign=sign)]
