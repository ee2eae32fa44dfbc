"""The type of values that must not be shown."""

from __future__ import annotations

from cap_core.logging.redaction import redact_passing


class Secret:
    """Holds a credential so that it cannot be printed, logged, compared or serialized by accident.

    From the moment it is made, its value is masked in logs and in every other text that the gateway writes.
    It prevents accidents, not hostile plugins: any code that has the object can `reveal` the value.
    """

    __slots__ = ("_value", "origin")

    def __init__(self, value: str, origin: str = "") -> None:
        self._value = value
        self.origin = origin
        """Where the value came from ("environment variable API_KEY"), for people."""
        redact_passing(value)

    def reveal(self) -> str:
        """The value itself; for the place that sends or compares it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be serialized")
