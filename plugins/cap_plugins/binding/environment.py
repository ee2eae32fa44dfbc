"""`binds` without a location: the process environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cap_core.logging.secret import Secret
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.plugins.hookspecs import hookimpl


class Environment:
    """The environment this process was started with."""

    def describe(self, name: str) -> str:
        """Name the variable."""
        return f"environment variable {name}"

    async def fetch(self, names: frozenset[str]) -> Mapping[str, Secret]:
        """The values of these names; no other variable is read."""
        return {name: Secret(value, self.describe(name)) for name in names if (value := os.environ.get(name))}


def parse(location: str, at: BindContext) -> Environment:
    """The environment, whatever the location, which is empty."""
    return Environment()


@hookimpl
def cap_bindings() -> list[BindingResolver]:
    """Offer the environment for entries without a location."""
    return [BindingResolver(key="", parse=parse, local=True)]
