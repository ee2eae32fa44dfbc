"""The variables that one request sends, with what can be found out about them without the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cap_core.errors import Refusal
from cap_core.logging.redaction import MASK
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import Request
from cap_core.plan.upstream import Consumed
from cap_core.plan.values import Binding, leaves
from cap_core.plugins.auth import AuthScheme
from cap_core.runtime.base_uri import Base, base_of, in_path
from cap_core.runtime.credentials import bindings_of, required
from cap_core.runtime.variable_values import fetch

UNSET = "(not set)"
"""The text that is shown in place of a variable without a value."""


class CallVariables(msgspec.Struct, frozen=True, kw_only=True):
    """The variables in a request's values and in its authentication, by what is known about them.

    A variable whose resolver needs the network counts as set.
    """

    known: Mapping[Binding, str]
    """The values that were found."""
    in_values: tuple[Binding, ...]
    """The variables in paths, queries, headers and bodies."""
    required: tuple[Binding, ...]
    """The variables that the authentication requires."""
    absent: frozenset[Binding]
    """The variables of the authentication that certainly have no value."""
    unset: tuple[Binding, ...]
    """The variables whose absence refuses the call."""

    @property
    def masks(self) -> Mapping[Binding, str]:
        """What is shown for each variable in the call's values."""
        return {binding: UNSET if binding in self.unset else MASK for binding in self.in_values}

    @property
    def credentials_known(self) -> bool:
        """Whether all values of the authentication were found, so that its scheme can check them."""
        return all(binding in self.known for binding in self.required)

    def credential_mask(self, binding: Binding) -> str | None:
        """What is shown for a variable of the authentication; None for an optional one without a value."""
        if binding not in self.absent:
            return MASK
        return UNSET if binding in self.required else None


async def look_up(plan: CapabilityPlan, request: Request, schemes: Mapping[str, AuthScheme[Any]]) -> CallVariables:
    """Find out what is known about a request's variables."""
    authentication = request.operation.consumed.authentication
    named = bindings_of(authentication) if authentication is not None else []
    needed = required(schemes[authentication.type], authentication) if authentication is not None else []
    found = (leaf for field in request.fields for leaf in leaves(field.value))
    in_values = list(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Binding)))
    secrets = await fetch(v for v in plan.variables if v.near and v.binding in (*named, *in_values))
    near = {variable.binding for variable in plan.variables if variable.near}
    far = {variable.binding for variable in plan.variables if not variable.near}
    return CallVariables(
        known={binding: secret.reveal() for binding, secret in secrets.items()},
        in_values=tuple(in_values),
        required=tuple(needed),
        absent=frozenset(b for b in named if b in near and b not in secrets),
        unset=tuple(b for b in dict.fromkeys((*needed, *in_values)) if b not in secrets and b not in far),
    )


async def shown_address(plan: CapabilityPlan, consumed: Consumed) -> Base | Refusal:
    """A namespace's base URI, or the refusal if it is not known.

    Variables in it have their real values: without an address there is no request to show.
    """
    base = consumed.base
    needed = {part for part in base.parts if isinstance(part, Binding)} if base is not None else set()
    secrets = await fetch(v for v in plan.variables if v.binding in needed and v.near)
    values = {binding: secret.reveal() for binding, secret in secrets.items()}
    # A variable after the host may be a credential, as in https://api.example/bot{{TOKEN}}, so it is masked.
    masked = [binding for binding in in_path(base, values) if binding in values] if base is not None else []
    return base_of(consumed, {**values, **dict.fromkeys(masked, MASK)})
