"""The variables of a document: the names of values from outside, and where each value is found."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from cap_core.errors import Mark
from cap_core.plan.values import Binding

if TYPE_CHECKING:
    from cap_core.logging.secret import Secret


class ValueSource(Protocol):
    """Somewhere that values come from."""

    def describe(self, name: str) -> str:
        """Where a name's value comes from, for people ("environment variable API_KEY")."""
        ...

    def fetch(self, names: frozenset[str]) -> Awaitable[Mapping[str, Secret]]:
        """The values of these names; what is absent, or empty, stays absent."""
        ...


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A declared name: its binding, and how its value is found.

    `given` is a value from the command line, `cap.toml` or a dotenv file, which overrides that of `source`. `default`
    is the value that the installed capability has for it, used last.
    """

    binding: Binding
    key: str
    source: ValueSource | None
    at: Mark | None
    location: str = ""
    """The key of the resolver behind `source`."""
    local: bool = False
    """Whether looking for the value needs no network."""
    given: Given | None = None
    default: str | None = None
    description: str = ""
    """The description of its `binds` entry."""

    @property
    def near(self) -> bool:
        """Whether the value can be found without the network."""
        return self.local or self.source is None or self.given is not None

    def describe(self) -> str:
        """Where the value comes from, for people."""
        if self.given is not None:
            return self.given.origin
        where = self.source.describe(self.key) if self.source is not None else "the capability's default"
        return f"{where} ({self.description})" if self.description else where


class Given(msgspec.Struct, frozen=True):
    """A value from outside the document and its environment, and where it came from ("--set", "prod.env:3")."""

    value: str
    origin: str
