"""Authentication schemes: credentials towards upstreams, and checks of callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from cap_core.plan.values import Value
from cap_core.plugins.context import Send
from cap_core.plugins.messages import Check, Headers

O = TypeVar("O")  # noqa: E741  (the options struct of an offer; the name is the design's)


class Credentials(msgspec.Struct, frozen=True):
    """What is added to every request: headers, query parameters, cookies, members of a JSON body."""

    headers: Headers = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    members: tuple[tuple[str, str], ...] = ()


class AuthFlow(msgspec.Struct, frozen=True):
    """Credentials that need requests of their own: `wrap` changes how they are sent, `cap explain` shows `shown`."""

    shown: Credentials
    wrap: Callable[[Send], Send]


class SignContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where credentials are needed: which namespace of which capability."""

    capability: str
    namespace: str
    variables: Mapping[str, str] = {}
    """The names of the variables behind each option, for messages."""
    masked: bool = False
    """Whether the values are masks: then `sign` must not check them, only show what it would send."""


class CheckContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where callers are checked. `realm` goes into `WWW-Authenticate`."""

    capability: str
    namespace: str
    realm: str
    masked: bool = False
    """Whether the values are masks: then `check` only checks the options, and its function is never called."""


class AuthScheme(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `authentication.type`, in either direction; a direction that is None is refused with the line.

    `options` is a msgspec struct; templates in it are already expanded when `sign` and `check` see them. Both raise
    `OptionError`. Both are pure: they are also called with masked values, to show what would be sent, and whether the
    options fit.
    """

    key: str
    options: type[O]
    sign: Callable[[O, SignContext], Credentials | AuthFlow] | None = None
    check: Callable[[O, CheckContext], Check] | None = None
    in_base: Callable[[Mapping[str, Value]], tuple[str, str] | None] | None = None
    """For a credential that stands in the base URI: from the unexpanded options the name of its placeholder there, and
    the option whose value fills it; None if the options name another place. Then `sign` is not asked."""
    optional: frozenset[str] = frozenset()
    """Options that are left out if a variable in them is not set; variables of other options are required."""
    caller_option: Callable[[str], Mapping[str, object]] | None = None
    """Makes options from the text after `--caller-auth TYPE:`; None if the flag does not support this type."""
