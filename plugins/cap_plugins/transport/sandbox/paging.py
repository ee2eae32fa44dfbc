"""Filters and pages of a list, by the parameters that its operation declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cap_core.runtime.values import as_text
from cap_core.syntax.names import match, norm
from cap_plugins.transport.sandbox.responses import RequestError

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation
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
_DEFAULT_LIMIT: Final = 20
_MAX_LIMIT: Final = 100


def is_paging(name: str) -> bool:
    """Whether a query parameter of this name selects a part of a list."""
    return norm(name) in _ROLES


class ListParameters(msgspec.Struct, frozen=True):
    """The paging parameters of a list operation by role, and the names that it filters by."""

    roles: Mapping[Role, str]
    filters: tuple[str, ...]


def list_parameters(operations: Iterable[Operation]) -> ListParameters:
    """The query parameters that operations declare, without lists and objects, which no item is filtered by."""
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
    return ListParameters(roles, tuple(dict.fromkeys(filters)))


def with_body(declared: ListParameters, members: Mapping[str, object]) -> ListParameters:
    """The declared parameters, and those that a request's body has as members."""
    plain = [name for name, value in members.items() if not isinstance(value, dict | list | None)]
    roles = {_ROLES[norm(name)]: name for name in plain if is_paging(name)}
    return ListParameters(
        {**roles, **declared.roles}, (*declared.filters, *(name for name in plain if not is_paging(name)))
    )


def list_page(items: Sequence[Item], parameters: ListParameters, given: Mapping[str, str]) -> Item:
    """The items that match the filters, in the requested order and within the requested bounds, as one object.

    Raises `RequestError` 400 for a number that is none.
    """
    requested = {role: given[name] for role, name in parameters.roles.items() if name in given}
    found = list(_filtered(items, parameters.filters, given))
    if norm(requested.get("order", "")).startswith("d"):
        found.reverse()
    limit = _number(requested, parameters, "limit", _DEFAULT_LIMIT, 1)
    data, more = _page(found, requested, limit if "limit" in parameters.roles else None, parameters)
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
        # A parameter that no item has a member for does not select items.
        if any(member is not None for member in members):
            pairs = zip(items, members, strict=True)
            items = [item for item, member in pairs if member and as_text(item[member]) == given[name]]
    return items


def _page(
    items: list[Item], requested: Mapping[Role, str], limit: int | None, parameters: ListParameters
) -> tuple[list[Item], bool]:
    """The requested items, and whether more follow. A cursor that is no item's identifier (a date) is ignored."""
    after, before = _index_of(items, requested.get("after")), _index_of(items, requested.get("before"))
    items = items[0 if after is None else after + 1 : before]
    if before is not None and after is None and limit is not None:
        # Going backwards: the page that ends just before the cursor.
        return items[-limit:], len(items) > limit
    skipped = _number(requested, parameters, "offset", 0, 0)
    if limit is not None:
        skipped += (max(_number(requested, parameters, "page", 1, 0), 1) - 1) * limit
    items = items[skipped:]
    return (items, False) if limit is None else (items[:limit], len(items) > limit)


def _index_of(items: list[Item], cursor: str | None) -> int | None:
    return next((n for n, item in enumerate(items) if cursor is not None and as_text(item["id"]) == cursor), None)


def _number(requested: Mapping[Role, str], parameters: ListParameters, role: Role, default: int, least: int) -> int:
    text = requested.get(role)
    if text is None:
        return default
    # A number of ten digits is beyond every list; Python refuses to read one of thousands.
    if not text.isdecimal() or (len(text) < 10 and int(text) < least):
        raise RequestError(400, "invalid_value", f"{parameters.roles[role]} must be a whole number of at least {least}")
    number = int(text) if len(text) < 10 else 10**9
    return min(number, _MAX_LIMIT) if role == "limit" else number
