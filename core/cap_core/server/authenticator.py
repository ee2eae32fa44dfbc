"""The check of the callers of one listener's exposures."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.plugins.messages import Caller, Incoming
from cap_core.runtime.open import OpenedPlan
from cap_core.server.request_headers import UniqueHeaders


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

    async def authenticate(
        self, exposure: str, scope: Mapping[str, object], headers: Mapping[bytes, bytes]
    ) -> Caller | None:
        """The authenticated caller; None if the exposure does not check. Raises `Refusal` 401 or 403."""
        check = self._checks.get(exposure)
        if check is None:
            return None
        given = scope["headers"]
        assert isinstance(given, list)
        if len(headers) != len(given):
            headers = UniqueHeaders(given)
        query = scope["query_string"]
        path = scope.get("raw_path") or b""
        assert isinstance(path, bytes)
        assert isinstance(query, bytes)
        return await check(Incoming(str(scope["method"]), path, query, headers))
