"""The routes of a namespace: each consumed address and method with its action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.server.router import Router
from cap_plugins.transport.sandbox.actions import Action, action_of
from cap_plugins.transport.sandbox.path_tree import build_tree, end_of
from cap_plugins.transport.sandbox.paths import parse_path
from cap_plugins.transport.sandbox.resources import Resources

if TYPE_CHECKING:
    from cap_core.plugins.transport import TransportContext


class Route(msgspec.Struct, frozen=True):
    """The action at an address, and the indexes of the identifiers in the values of its path."""

    action: Action
    slots: tuple[tuple[int, ...], ...]

    def ids(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The identifiers in a path's values; one of several values is all of them."""
        return tuple(",".join(values[n] for n in slot) for slot in self.slots)


def routes(at: TransportContext) -> Router[Route]:
    """The routes of a namespace. Operations at one address are one route, whatever literal queries their paths have."""
    found = [(path, operation) for operation in at.operations if (path := parse_path(operation)) is not None]
    root = build_tree(found)
    resources = Resources(root)
    entries = []
    for path, operation in found:
        slots = tuple(step.values for step in path.steps if step.kind == "slot")
        for method in ("GET", "HEAD") if operation.method in ("GET", "HEAD") else (operation.method,):
            action = action_of(end_of(root, path), "GET" if method == "HEAD" else method, resources)
            entries.append((method, at.prefix + path.template or "/", Route(action, slots)))
    return Router.build(entries)
