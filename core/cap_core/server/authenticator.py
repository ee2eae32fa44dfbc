"""The check of the callers of one listener's exposures."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.errors import Refusal
from cap_core.plugins.guard import Source, Unfit, defined
from cap_core.plugins.messages import Caller, Check, Incoming, Scope
from cap_core.plugins.registry import Registry
from cap_core.runtime.open import OpenedPlan
from cap_core.server.faults import refuse_for_fault
from cap_core.server.listeners import Listener
from cap_core.server.problems import REFUSED
from cap_core.server.request_headers import UniqueHeaders

ADMITTED = "cap.admitted"
"""The key of the scope for the caller that was let in; None where anybody is."""


class ExposureAuthenticator:
    """Checks the callers of each exposure; this is the core's `Authenticator` (`cap_core.plugins.exposure`).

    Whether an exposure checks its callers is what its document says; only a `Caller` is let in.
    """

    def __init__(self, opened: OpenedPlan, listener: Listener, registry: Registry) -> None:
        self._checks = opened.checks
        self._url = listener.url
        self._types = {e.key: e.authentication and e.authentication.type for e in listener.exposures}
        self._registry = registry

    @property
    def public_url(self) -> str:
        """The listener's address in metadata."""
        return self._url

    def requires_caller(self, exposure: str) -> bool:
        """Whether an exposure checks its callers."""
        return self._types[exposure] is not None

    async def authenticate(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller | None:
        """The authenticated caller; None if the exposure does not check.

        Raises `Refusal` 401 or 403, or 500 if the check itself fails: then nobody is let in. The scope keeps who was
        let in, or else why nobody was, for the log (`refused_caller`).
        """
        if self._types[exposure] is None:
            scope[ADMITTED] = None
            return None
        if len(headers) != len(scope["headers"]):
            headers = UniqueHeaders(scope["headers"])
        query, path = scope["query_string"], scope.get("raw_path") or b""
        check = self._checks[exposure]
        try:
            caller = await check(Incoming(str(scope["method"]), path, query, headers))
        except Refusal as refusal:
            scope.setdefault(REFUSED, (refusal, exposure))
            raise
        except (Exception, SystemExit) as error:
            source, what = self._named(exposure)
            raise refuse_for_fault(source.failed(what, error, check), scope) from None
        if type(caller) is not Caller:
            raise self._admits_no(caller, exposure, check, scope)
        scope[ADMITTED] = caller
        return caller

    def _admits_no(self, given: object, exposure: str, check: Check, scope: Scope) -> Refusal:
        source, what = self._named(exposure)
        return refuse_for_fault(source.fault(f"{what} gave {Unfit(given, 'a Caller')}", defined(check)), scope)

    def _named(self, exposure: str) -> tuple[Source, str]:
        type_ = self._types[exposure]
        return self._registry.source(f"auth scheme {type_}"), f"the check of callers of the auth scheme {type_}"


def refused_caller(scope: Scope) -> tuple[Refusal, str] | None:
    """Why the caller of a request was refused, and the exposure that refused; None if one has let them in."""
    found: tuple[Refusal, str] | None = scope.get(REFUSED)
    return None if ADMITTED in scope else found
