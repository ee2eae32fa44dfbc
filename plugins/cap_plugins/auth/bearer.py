"""`type: bearer`: a token in the Authorization header (RFC 6750)."""

from __future__ import annotations

import hmac
from typing import Annotated

import msgspec

from cap_core.errors import OptionError, Refusal
from cap_core.plugins.auth import AuthScheme, CheckContext, Credentials, SignContext
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.messages import Caller, Check, Incoming


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`token`, or `value`, its other published name; a `placement` can only be the header."""

    token: str | None = None
    value: str | None = None
    placement: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["header"]})] = "header"

    @property
    def secret(self) -> str:
        """The token. Raises `OptionError` if neither or both are present."""
        if self.placement != "header":
            raise OptionError("placement", "a bearer stands in the Authorization header", "use type apikey elsewhere")
        if (self.token is None) == (self.value is None):
            raise OptionError("", "a bearer needs one 'token'", "token: '{{env.NAME}}'")
        return self.token if self.token is not None else self.value or ""


def sign(options: Options, at: SignContext) -> Credentials:
    """The Authorization header."""
    return Credentials(headers=((b"Authorization", b"Bearer " + options.secret.encode()),))


def check(options: Options, at: CheckContext) -> Check:
    """The check that compares the token in constant time. Without any token there is no `error` (RFC 6750, 3.1)."""
    expected = options.secret.encode()
    challenge = f'Bearer realm="{at.realm}"'
    known = Caller("bearer")

    async def bearer(request: Incoming) -> Caller:
        scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not token:
            raise Refusal(401, "unauthorized", "a bearer token is needed", headers=_challenge(challenge))
        if not expected or not hmac.compare_digest(token.strip(), expected):
            invalid = challenge + ', error="invalid_token"'
            raise Refusal(401, "unauthorized", "the bearer token is not accepted", headers=_challenge(invalid))
        return known

    return bearer


def _challenge(text: str) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"www-authenticate", text.encode()),)


@hookimpl
def cap_auth_schemes() -> list[AuthScheme[Options]]:
    """Offer bearer tokens, in both directions."""
    return [
        AuthScheme(
            key="bearer",
            options=Options,
            sign=sign,
            check=check,
            caller_option=lambda name: {"token": f"{{{{{name}}}}}"},
        )
    ]
