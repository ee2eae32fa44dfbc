"""The check of the callers of one listener's exposures."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.errors import Refusal
from cap_core.plugins.messages import Caller, Incoming, Scope
from cap_core.runtime.open import OpenedPlan
from cap_core.server.problems import REFUSED

ADMITTED = "cap.admitted"
"""The key of the scope for the caller that was let in; None where anybody is."""


class ExposureAuthenticator:
    """Checks the callers of each exposure; this is the core's `Authenticator` (`cap_core.plugins.exposure`)."""

    def __init__(self, opened: OpenedPlan, url: str) -> None:
        self._checks = opened.checks
        self._url = url

    @property
    def public_url(self) -> str:
        """The listener's address in metadata."""
        return self._url

    def requires_caller(self, exposure: str) -> bool:
        """Whether an exposure checks its callers."""
        return exposure in self._checks

    async def authenticate(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller | None:
        """The authenticated caller; None if the exposure does not check. Raises `Refusal` 401 or 403.

        The scope keeps who was let in, or else why nobody was, for the log (`refused_caller`).
        """
        check = self._checks.get(exposure)
        try:
            caller = check and await check(Incoming(scope["method"], scope["raw_path"], scope["query_string"], headers))
        except Refusal as refusal:
            scope.setdefault(REFUSED, (refusal, exposure))
            raise
        scope[ADMITTED] = caller
        return caller


def refused_caller(scope: Scope) -> tuple[Refusal, str] | None:
    """Why the caller of a request was refused, and the exposure that refused; None if one has let them in."""
    found: tuple[Refusal, str] | None = scope.get(REFUSED)
    return None if ADMITTED in scope else found
