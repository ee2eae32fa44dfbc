"""Resolves references to results of earlier steps, such as `found.id` (`docs/semantics.md`, steps)."""

from __future__ import annotations

import re

import msgspec

from cap_core.compile.rejection import Rejected
from cap_core.errors import Mark
from cap_core.plan.values import StepRef
from cap_core.runtime import jsonpath
from cap_core.syntax.names import match

_NAME = re.compile(r"[\w-]+")


class StepNames(msgspec.Struct, frozen=True):
    """The steps of a flow, as one of them sees them; none where no step is compiled."""

    earlier: tuple[str, ...] = ()
    """Those whose results can be named."""
    pending: tuple[str, ...] = ()
    """The step itself and those after it, which have given nothing yet."""

    def find(self, prefix: str) -> str | None:
        """The earlier step that `prefix` means; only what could be a name means one in another spelling."""
        return _match(prefix, self.earlier)

    def reference(self, text: str, at: Mark, *, taken: bool) -> StepRef | None:
        """The result that `text` names, or None where it names none; `taken` where it means something else already.

        Raises `Rejected` where it may mean both, where nothing is known of the step yet, and for no JSONPath.
        """
        if not self.earlier and not self.pending:
            return None
        prefix, dot, rest = text.partition(".")
        if taken:
            if prefix in self.earlier:
                what = f"{text!r} may mean what the step {prefix!r} gave, and something else"
                raise Rejected("bad-step", at, what, "give the step another name")
            return None
        name = self.find(prefix)
        if name is None:
            if dot and _match(prefix, self.pending) is not None:
                what = f"{text!r} names a step that has given nothing yet"
                raise Rejected("bad-step", at, what, "name an earlier step, or change their order")
            return None
        path = f"${dot}{rest}"
        try:
            jsonpath.compile(path)
        except ValueError as error:
            raise Rejected("bad-mapping", at, f"{text!r} cannot be followed in a result: {error}") from None
        return StepRef(name, path)


def _match(prefix: str, names: tuple[str, ...]) -> str | None:
    if prefix in names:
        return prefix
    return match(prefix, names) if names and _NAME.fullmatch(prefix) else None
