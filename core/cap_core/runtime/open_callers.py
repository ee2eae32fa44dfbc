"""Opens an exposure's check of its callers, with the values of its variables (`docs/semantics.md`, callers)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cap_core.errors import CapError, OptionError
from cap_core.plan.plan import ExposurePlan
from cap_core.plan.upstream import Authentication
from cap_core.plan.values import Binding
from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.messages import Check
from cap_core.runtime.credentials import check, required
from cap_core.runtime.refusals import nobody


def open_check(
    exposure: ExposurePlan,
    authentication: Authentication,
    values: Mapping[Binding, str],
    schemes: Mapping[str, AuthScheme[Any]],
    locked: dict[str, list[str]],
) -> Check:
    """The check of an exposure's callers. If the expected credential has no value, it accepts no caller, and the
    exposure is added to `locked` (the exposures by what is not set).

    Raises `CapError` for options that the scheme refuses.
    """
    scheme = schemes[authentication.type]
    unset = [binding for binding in required(scheme, authentication) if not values.get(binding)]
    if unset:
        locked.setdefault(", ".join(b.name for b in unset), []).append(exposure.key)
        return nobody(exposure)
    try:
        return check(scheme, authentication, exposure.about.name, exposure.namespace, values.get)
    except OptionError as error:
        at = authentication.marks.get(error.option, authentication.at)
        raise CapError(error.what, at=at, hint=error.hint, code="bad-auth") from None
