"""Authenticates the caller of an endpoint against its exposures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Caller, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.plugins.exposure import Authenticator


class Admission(msgspec.Struct, frozen=True):
    """An exposure that accepts the caller, and the caller as its check identified them."""

    exposure: str
    caller: Caller | None


class Callers:
    """Authenticates a caller against the exposures of an endpoint, and against no more of them than a request needs."""

    def __init__(self, authenticator: Authenticator, exposures: tuple[str, ...]) -> None:
        self._authenticator = authenticator
        self._exposures = exposures

    async def first(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Admission:
        """The first exposure that accepts the caller. Raises `Refusal` 401 or 403 if none does."""
        refusals = []
        for exposure in self._exposures:
            try:
                return await self._admission(exposure, scope, headers)
            except Refusal as refusal:
                refusals.append(refusal)
        raise _combined(refusals)

    async def enter(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Admission | None:
        """The admission to one exposure; None if it does not accept the caller, or cannot tell."""
        try:
            return await self._admission(exposure, scope, headers)
        except Refusal:
            return None

    async def all(self, admission: Admission, scope: Scope, headers: Mapping[bytes, bytes]) -> frozenset[str]:
        """Every exposure that accepts the caller; `admission` is the first one."""
        later = self._exposures[self._exposures.index(admission.exposure) + 1 :]
        accepted = [exposure for exposure in later if await self.enter(exposure, scope, headers) is not None]
        return frozenset((admission.exposure, *accepted))

    async def _admission(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Admission:
        caller = await self._authenticator.authenticate(exposure, scope, headers)
        return Admission(exposure, caller)


def _combined(refusals: list[Refusal]) -> Refusal:
    """One refusal for several: 500 if a check failed, 403 if any exposure knew the caller; with every challenge
    (RFC 9110, 11.6.1)."""
    statuses = {refusal.status for refusal in refusals}
    worst = next((status for status in (500, 403) if status in statuses), refusals[0].status)
    first = next(refusal for refusal in refusals if refusal.status == worst)
    challenges = dict.fromkeys(field for each in refusals if each.status == first.status for field in each.headers)
    return Refusal(first.status, first.code, first.detail, hint=first.hint, headers=tuple(challenges))
