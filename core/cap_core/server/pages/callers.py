"""Who may read what is served here: the exposures that accept a caller, and what the others ask for."""

from __future__ import annotations

import re

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Scope
from cap_core.server.routing_table import RoutingTable

CHALLENGE = b"www-authenticate"

_REALM = re.compile(rb'realm="[^"]*"')


class Shown(msgspec.Struct, frozen=True):
    """The keys of the exposures that accept a caller, and the challenges of those that do not (RFC 9110, 11.6.1)."""

    exposures: frozenset[str]
    challenges: bytes


async def shown_to_caller(scope: Scope, table: RoutingTable) -> Shown:
    """What the caller of a request may see. Raises `Refusal`, with all challenges, if that is nothing."""
    accepted = set()
    challenges: dict[bytes, None] = {}
    refused: Refusal | None = None
    headers = dict(scope["headers"])
    for exposure in table.listener.exposures:
        try:
            await table.authenticator.authenticate(exposure.key, scope, headers)
        except Refusal as refusal:
            refused = refusal
            challenges |= dict.fromkeys(_anonymous(value) for name, value in refusal.headers if name == CHALLENGE)
        else:
            accepted.add(exposure.key)
    asked = b", ".join(challenges)
    if refused is not None and not accepted:
        others = tuple(header for header in refused.headers if header[0] != CHALLENGE)
        refused.headers = (*others, (CHALLENGE, asked)) if asked else others
        raise refused
    return Shown(frozenset(accepted), asked)


def _anonymous(challenge: bytes) -> bytes:
    """A challenge that names no capability: whoever asks is not known yet."""
    return _REALM.sub(b'realm="cap"', challenge)
