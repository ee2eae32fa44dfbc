"""A collection or a single: its address, the name of its items, and how they are created."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import quote

import msgspec

Trail = tuple[str | None, ...]
"""The steps to an address; None stands for an identifier."""

Origin = Literal["made", "seeded", "elsewhere", "assumed"]
"""How items are created.

* `made`: callers create them.
* `seeded`: they exist from the start, because no operation creates any.
* `elsewhere`: another address creates them (`/users/{u}/meetings` for `/meetings/{m}`), and they are found here too.
* `assumed`: an item exists as soon as a request names it, because no operation creates or lists any.
"""


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """A collection of items or, with `single`, a resource that exists once."""

    trail: Trail
    noun: str
    owner: Collection | None
    """The collection of the item that this one belongs to."""
    slot: str = ""
    """The placeholder for an item's identifier."""
    numeric: bool = False
    """Whether identifiers are numbers."""
    has_status: bool = False
    """Whether items have a status: actions change them, or they have content."""
    origin: Origin = "made"
    single: bool = False

    @property
    def depth(self) -> int:
        """How many identifiers its address has."""
        return self.trail.count(None)

    @property
    def owners(self) -> Iterator[Collection]:
        """The collections of the items around it, the nearest first."""
        above = self.owner
        while above is not None:
            yield above
            above = above.owner

    def shelf(self, ids: Sequence[str]) -> str:
        """Its address, with identifiers filled in and marked, so that none looks like a name."""
        remaining = iter(ids)
        return "".join(
            f"/{quote(step, safe='')}" if step is not None else address_of(next(remaining)) for step in self.trail
        )


def address_of(id: str) -> str:
    """The step of an address that is an identifier."""
    return "/=" + quote(id, safe="")
