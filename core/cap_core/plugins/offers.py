"""What plugins offer, checked when it is collected, and with every function of it guarded."""

from __future__ import annotations

from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.guard import Source, Unfit, guarded


def secured(offer: Any, source: Source, what: str) -> Any:
    """An offer whose functions raise only what they may, and give what they have to. Raises `PluginError`."""
    if isinstance(offer, AuthScheme):
        return _auth_scheme(offer, source, what)
    return offer


def _auth_scheme(offer: AuthScheme[Any], source: Source, what: str) -> AuthScheme[Any]:
    if offer.check is None:
        return offer
    check = guarded(source, f"check of the {what}", offer.check, a_function, documented=(OptionError,))
    return msgspec.structs.replace(offer, check=check)


def a_function(given: object) -> object:
    """A result that has to be a function."""
    if not callable(given):
        raise Unfit(given, "a function")
    return given
