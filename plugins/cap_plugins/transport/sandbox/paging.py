"""Which part of a list an operation gives: the parameters that it declares for that, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cap_core.names import match, norm
from cap_core.values import as_text
from cap_plugins.transport.sandbox.answers import Wrong

if TYPE_CHECKING:
    from cap_core.plan import Operation
    from cap_plugins.transport.sandbox.database import Item

Role = Literal["limit", "after", "before", "order", "offset", "page"]

_ROLES: Final[dict[str, Role]] = {
    "limit": "limit",
    "pagesize": "limit",
    "perpage": "limit",
    "maxresults": "limit",
    "after": "after",
    "startingafter": "after",
    "before": "before",
    "endingbefore": "before",
    "order": "order",
    "sortorder": "order",
    "offset": "offset",
    "skip": "offset",
    "page": "page",
    "pagenumber": "page",
}
_USUAL: Final = 20
_MOST: Final = 100


def is_paging(name: str) -> bool:
    """Whether a query parameter says which part of a list is wanted."""
    return norm(name) in _ROLES


class Wanted(msgspec.Struct, frozen=True):
    """What a list operation understands: its paging parameters by role, and the names it filters by."""

    roles: Mapping[Role, str]
    filters: tuple[str, ...]


def wanted(operations: Iterable[Operation]) -> Wanted:
    """What operations declare. A list or an object is no value that an item could have as its own."""
    roles: dict[Role, str] = {}
    filters = []
    for parameter in (parameter for operation in operations for parameter in operation.parameters):
        if parameter.place != "query" or parameter.type in ("array", "object"):
            continue
        role = _ROLES.get(norm(parameter.name))
        if role is None:
            filters.append(parameter.name)
        else:
            roles.setdefault(role, parameter.name)
    return Wanted(roles, tuple(dict.fromkeys(filters)))


def also(wanted: Wanted, members: Mapping[str, object]) -> Wanted:
    """The same, and what the members of a body ask for."""
    plain = [name for name, value in members.items() if not isinstance(value, dict | list | None)]
    roles = {_ROLES[norm(name)]: name for name in plain if is_paging(name)}
    return Wanted({**roles, **wanted.roles}, (*wanted.filters, *(name for name in plain if not is_paging(name))))


def envelope(items: Sequence[Item], wanted: Wanted, given: Mapping[str, str]) -> Item:
    """The answer of a list: what fits the filters, in the order and within the bounds asked for."""
    asked = {role: given[name] for role, name in wanted.roles.items() if name in given}
    found = list(_filtered(items, wanted.filters, given))
    if norm(asked.get("order", "")).startswith("d"):
        found.reverse()
    limit = _number(asked, wanted, "limit", _USUAL, 1)
    data, more = _page(found, asked, limit if "limit" in wanted.roles else None, wanted)
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": more,
    }


def _filtered(items: Sequence[Item], names: Sequence[str], given: Mapping[str, str]) -> Sequence[Item]:
    for name in names:
        if name not in given:
            continue
        members = [match(name, item) for item in items]
        # A parameter that no item has a member for says something else than which items are wanted.
        if any(member is not None for member in members):
            pairs = zip(items, members, strict=True)
            items = [item for item, member in pairs if member and as_text(item[member]) == given[name]]
    return items


def _page(items: list[Item], asked: Mapping[Role, str], limit: int | None, wanted: Wanted) -> tuple[list[Item], bool]:
    """The part asked for, and whether there is more of it. A cursor that names nothing (a date, say) bounds nothing."""
    after, before = _place(items, asked.get("after")), _place(items, asked.get("before"))
    items = items[0 if after is None else after + 1 : before]
    if before is not None and after is None and limit is not None:
        # Going backwards: the page that ends just before the cursor.
        return items[-limit:], len(items) > limit
    skipped = _number(asked, wanted, "offset", 0, 0)
    if limit is not None:
        skipped += (max(_number(asked, wanted, "page", 1, 0), 1) - 1) * limit
    items = items[skipped:]
    return (items, False) if limit is None else (items[:limit], len(items) > limit)


def _place(items: list[Item], cursor: str | None) -> int | None:
    return next((n for n, item in enumerate(items) if cursor is not None and as_text(item["id"]) == cursor), None)


def _number(asked: Mapping[Role, str], wanted: Wanted, role: Role, usual: int, least: int) -> int:
    text = asked.get(role)
    if text is None:
        return usual
    # A number of ten digits is beyond every list; Python refuses to read one of thousands.
    if not text.isdecimal() or (len(text) < 10 and int(text) < least):
        raise Wrong(400, "invalid_value", f"{wanted.roles[role]} must be a whole number of at least {least}")
    number = int(text) if len(text) < 10 else 10**9
    return min(number, _MOST) if role == "limit" else number
