"""What is known, without the network, of the variables that one request sends."""

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
"""What stands for a variable that has no value."""


class CallVariables(msgspec.Struct, frozen=True, kw_only=True):
    """The variables in a call's values and in its authentication, sorted by what is known of them.

    Whether a variable of a resolver that needs the network has a value is not known, so it counts as set.
    """

    known: Mapping[Binding, str]
    """The values that could be had."""
    in_values: tuple[Binding, ...]
    """Those in paths, queries, headers and bodies."""
    required: tuple[Binding, ...]
    """Those without which the authentication is not ready."""
    absent: frozenset[Binding]
    """Those of the authentication that surely have no value."""
    unset: tuple[Binding, ...]
    """Those without which the call is refused, and that have no value."""

    @property
    def masks(self) -> Mapping[Binding, str]:
        """What is shown for each variable in the call's values."""
        return {binding: UNSET if binding in self.unset else MASK for binding in self.in_values}

    @property
    def credentials_known(self) -> bool:
        """Whether the authentication's values are at hand, so that its scheme can look at them."""
        return all(binding in self.known for binding in self.required)

    def credential_mask(self, binding: Binding) -> str | None:
        """What is shown for a variable of the authentication; None for an optional one without a value."""
        if binding in self.known:
            return MASK
        if binding not in self.required:
            return None
        return UNSET if binding in self.absent else MASK


async def look_up(plan: CapabilityPlan, request: Request, schemes: Mapping[str, AuthScheme[Any]]) -> CallVariables:
    """Find out what is known of a request's variables."""
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
    """A namespace's base URI, or why it is not known.

    It has its real values: without them there is no request to show.
    """
    base = consumed.base
    needed = {part for part in base.parts if isinstance(part, Binding)} if base is not None else set()
    secrets = await fetch(v for v in plan.variables if v.binding in needed and v.near)
    values = {binding: secret.reveal() for binding, secret in secrets.items()}
    # Behind the host a variable may be a credential, as in https://api.example/bot{{TOKEN}}.
    masked = [binding for binding in in_path(base, values) if binding in values] if base is not None else []
    return base_of(consumed, {**values, **dict.fromkeys(masked, MASK)})
