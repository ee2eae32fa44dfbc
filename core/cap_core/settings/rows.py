"""The rows of the table of settings, with the names on the command line, in the environment and in `cap.toml`."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from cap_core.settings.table import Setting, Settings
from cap_core.settings.value_types import COUNT, FILE, SECONDS, SWITCH, TEXT, ValueType, choice


class Row(msgspec.Struct, frozen=True):
    """One setting: its names, its field in the struct, its default, and the type of its values."""

    name: str
    field: str
    default: Any
    kind: ValueType
    many: Literal["", "list", "table"]
    about: Setting

    @property
    def flag(self) -> str:
        """Its flag on the command line."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """Its variable in the environment."""
        return "CAP_" + self.name.upper().replace("-", "_")

    @property
    def is_switch(self) -> bool:
        """Whether its flag takes no value."""
        return self.kind is SWITCH

    @property
    def without(self) -> str:
        """What happens without it, for help; "" if that is obvious."""
        if self.about.absent or self.default in (None, False, (), {}):
            return self.about.absent
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    @property
    def help(self) -> str:
        """Its help: what it does, what happens without it, and whether it may be repeated."""
        notes = [
            f"[{self.without}]" if self.without else "",
            "(repeatable)" if self.many else "",
        ]
        return " ".join(note for note in (self.about.help, *notes) if note)


@cache
def rows(table: type[msgspec.Struct] = Settings) -> tuple[Row, ...]:
    """The rows of a table, in order."""
    hints = typing.get_type_hints(table, include_extras=True)
    return tuple(
        _row(field, hints[field.name].__origin__, *hints[field.name].__metadata__)
        for field in msgspec.structs.fields(table)
        if hasattr(hints[field.name], "__metadata__")
    )


def _row(field: msgspec.structs.FieldInfo, hint: Any, about: Setting) -> Row:
    many, hint = _repeated(_present(hint))
    default = {} if field.default is msgspec.NODEFAULT else field.default
    name = about.name or field.name.replace("_", "-")
    return Row(name, field.name, default, about.kind or _kind(hint), many, about)


def _present(hint: Any) -> Any:
    """A type without `None`."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(option for option in typing.get_args(hint) if option is not types.NoneType)
    return hint


def _repeated(hint: Any) -> tuple[Literal["", "list", "table"], Any]:
    """Whether a type holds several values, and the type of one."""
    origin = typing.get_origin(hint)
    if origin is tuple:
        return "list", typing.get_args(hint)[0]
    if origin is Mapping:
        return "table", typing.get_args(hint)[1]
    return "", hint


def _kind(hint: Any) -> ValueType:
    if typing.get_origin(hint) is Literal:
        return choice(*typing.get_args(hint))
    return {
        str: TEXT,
        int: COUNT,
        float: SECONDS,
        bool: SWITCH,
        Path: FILE,
    }[hint]
