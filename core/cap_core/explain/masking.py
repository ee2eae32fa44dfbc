"""Masks credentials for display: those that a scheme makes, and those that an author wrote into the document."""

from __future__ import annotations

from typing import Any

import msgspec

from cap_core.explain.call_variables import UNSET, CallVariables
from cap_core.logging.redaction import MASK
from cap_core.plan.request import Request
from cap_core.plan.upstream import Authentication, Consumed
from cap_core.plan.values import Constant
from cap_core.plugins.auth import AuthFlow, AuthScheme, Credentials
from cap_core.runtime.credentials import sign

_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers whose values are always credentials (RFC 9110, 11.6.2 and 11.7.2; RFC 6265, 4.2)."""


def masked_credentials(
    scheme: AuthScheme[Any], authentication: Authentication, consumed: Consumed, variables: CallVariables
) -> Credentials:
    """The credentials that a scheme makes from masked values."""
    signed = sign(scheme, authentication, consumed, variables.credential_mask, masked=True)
    credentials = signed.shown if isinstance(signed, AuthFlow) else signed
    return Credentials(
        headers=tuple(
            (name, _masked(value.decode("latin-1")).encode("latin-1")) for name, value in credentials.headers
        ),
        query=tuple((name, _masked(value)) for name, value in credentials.query),
        cookies=tuple((name, _masked(value)) for name, value in credentials.cookies),
        members=tuple((name, _masked(value)) for name, value in credentials.members),
    )


def _masked(value: str) -> str:
    """A credential in which the masks can be seen; one in which none can be seen is replaced by a mask.

    That is one that its author wrote out, or that is encoded. A scheme before a space (`Basic`) is kept.
    """
    if MASK in value or UNSET in value:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def without_literal_credentials(request: Request) -> Request:
    """The request with credentials masked that its author wrote as the value of a header."""
    fields = tuple(
        msgspec.structs.replace(field, value=Constant(MASK), node=None)
        if field.place == "header" and field.name.lower() in _CREDENTIAL_HEADERS and isinstance(field.value, Constant)
        else field
        for field in request.fields
    )
    return msgspec.structs.replace(request, fields=fields)
