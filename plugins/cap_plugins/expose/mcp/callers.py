"""Which exposures of an endpoint let a caller in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.errors import Refusal
from cap_core.types import Caller, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.offers import Authenticator


class Entered(msgspec.Struct, frozen=True):
    """An exposure that let the caller in, and who they are there."""

    exposure: str
    caller: Caller | None


class Callers:
    """Asks the guards of an endpoint's exposures, each no more often than a request needs it."""

    def __init__(self, host: Authenticator, exposures: tuple[str, ...]) -> None:
        self._host = host
        self._exposures = exposures

    async def first(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Entered:
        """The first exposure that lets the caller in. Raises `Refusal` 401 or 403 where none does."""
        refusals = []
        for exposure in self._exposures:
            try:
                return await self._ask(exposure, scope, headers)
            except Refusal as refusal:
                refusals.append(refusal)
        raise _together(refusals)

    async def enter(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Entered | None:
        """One exposure, or None where it does not let the caller in."""
        try:
            return await self._ask(exposure, scope, headers)
        except Refusal:
            return None

    async def all(self, entered: Entered, scope: Scope, headers: Mapping[bytes, bytes]) -> frozenset[str]:
        """Every exposure that lets the caller in, given the first that did."""
        later = self._exposures[self._exposures.index(entered.exposure) + 1 :]
        accepted = [exposure for exposure in later if await self.enter(exposure, scope, headers) is not None]
        return frozenset((entered.exposure, *accepted))

    async def _ask(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Entered:
        caller = await self._host.authenticate(exposure, scope, headers)
        return Entered(exposure, caller)


def _together(refusals: list[Refusal]) -> Refusal:
    """One refusal for several: 403 if any guard knew the caller, and every way to be let in (RFC 9110, 11.6.1)."""
    told = next((refusal for refusal in refusals if refusal.status == 403), refusals[0])
    challenges = dict.fromkeys(field for each in refusals if each.status == told.status for field in each.headers)
    return Refusal(told.status, told.code, told.detail, hint=told.hint, headers=tuple(challenges))
