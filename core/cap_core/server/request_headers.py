"""The headers of a request by name, and what is done about those that stand in it twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cap_core.errors import Refusal
from cap_core.plugins.messages import Scope

_Headers = list[tuple[bytes, bytes]]

_ONCE = (b"host", b"authorization", b"origin", b"content-type")
_TRACE = b"traceparent"


def read_headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request, of a repeated one the last.

    Raises `Refusal` for a repeated header that must be unique, because which value counts would be open (RFC 9112,
    3.2). A trace that is given twice is none (W3C Trace Context, 3.2), so it is taken out of the scope.
    """
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]):
        repeated = _repeated(scope["headers"])
        for name in _ONCE:
            if name in repeated:
                raise _twice(name)
        if _TRACE in repeated:
            scope["headers"] = [header for header in scope["headers"] if header[0] != _TRACE]
            del headers[_TRACE]
    return headers


class UniqueHeaders(dict[bytes, bytes]):
    """Headers for the check of a caller, which must not depend on which copy of a repeated one is looked at.

    To ask for a repeated header raises `Refusal` 400.
    """

    def __init__(self, headers: _Headers) -> None:
        super().__init__(headers)
        self._repeated = _repeated(headers)

    def __getitem__(self, name: bytes) -> bytes:
        if name in self._repeated:
            raise _twice(name)
        return super().__getitem__(name)

    def get(self, name: bytes, default: Any = None) -> Any:
        """The value of a header, or the default."""
        if name not in self:
            return default
        return self[name]


def _repeated(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    seen: set[bytes] = set()
    return frozenset(name for name, _ in headers if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _twice(name: bytes) -> Refusal:
    what = f"the header {name.decode('latin-1')} stands twice in this request"
    return Refusal(400, "invalid-input", what, headers=((b"connection", b"close"),))
