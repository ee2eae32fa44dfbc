"""All exceptions of the gateway; those for people have a place, a message and a hint."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """A place in a file; line and column count from 1. Line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class CapError(Exception):
    """An error for people: one line with the place, what is wrong, and what would help.

    `exit_code` is what the command line ends with (`docs/command-line.md`): 1 for a refused document or a failed
    start, 2 for a wrong command line or configuration.
    """

    exit_code = 1

    def __init__(self, what: str, *, at: Mark | None = None, hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        kind = f"error[{self.code}]: " if self.code else ""
        help_ = f"; {self.hint}" if self.hint else ""
        return f"{place}{kind}{self.what}{help_}"


class SpecError(CapError):
    """A capability document that cannot be served."""


class ConfigError(CapError):
    """A flag, a variable or a `cap.toml` key that is wrong."""

    exit_code = 2


class PluginError(CapError):
    """A plugin that does not load, or two that offer the same thing."""


class StartError(CapError):
    """The gateway could not start: a port in use, a file that is not there."""


class OptionError(Exception):
    """Raised by a plugin for a wrong option; the core adds the option's place in the document.

    `option` is the key as the document spells it, or "" for the options as a whole.
    """

    def __init__(self, option: str, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.option = option
        self.what = what
        self.hint = hint


class UnsendableError(ValueError):
    """What a transport raises for a request that HTTP does not allow, before the upstream can have it whole.

    A character that would end a header or the target, a name that is no token, a body of another length than declared.
    """


UpstreamFailure = Literal["refused", "reset", "garbage", "length", "connect", "idle", "total"]


class UpstreamError(Exception):
    """What a transport raises when there is no usable answer.

    kind: `refused` nothing accepted the connection (or the name does not resolve, or TLS failed); `reset` the
    connection ended before the answer did and no length was promised; `garbage` the answer is not HTTP; `length` the
    body is shorter than it said; `connect`, `idle`, `total` the time limit that ran out. `sent` is False, whatever the
    kind, only when not one byte of the request can have reached the upstream, so a retry cannot repeat an effect.
    """

    def __init__(self, kind: UpstreamFailure, detail: str, *, sent: bool = True) -> None:
        if kind not in get_args(UpstreamFailure):
            raise ValueError(f"an UpstreamError is one of {', '.join(get_args(UpstreamFailure))}, not {kind!r}")
        super().__init__(f"{kind}: {detail}")
        self.kind: UpstreamFailure = kind
        self.detail = detail
        self.sent = sent


class FieldError(msgspec.Struct, frozen=True):
    """One error in a caller's request: `where` it is ("query limit", "argument body"), and `what` is wrong."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}" if self.where else self.what


_SLUG: Final = re.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Refusal(Exception):
    """A call that is refused, with what its caller is told: problem+json on REST, an `isError` text on MCP.

    `code` is the stable slug of the problem type (`docs/errors.md`), `status` the HTTP status (400 to 599) of REST,
    `hint` what would help, `field_errors` every single error of the request, `headers` go into the HTTP answer.
    `sent` is False where nothing can have reached the upstream; else repeating the call may repeat an effect.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        field_errors: tuple[FieldError, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        sent: bool = True,
    ) -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"the status of a Refusal is 400 to 599, not {status}")
        if not _SLUG.fullmatch(code):
            raise ValueError(f"the code of a Refusal is a slug such as 'too-many-calls', not {code!r}")
        super().__init__(detail)
        self.sent = sent
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.field_errors = field_errors
        self.headers = headers
