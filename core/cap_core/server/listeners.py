"""The listeners that a plan needs: one for everything, or one for each port that its documents name."""

from __future__ import annotations

import msgspec

from cap_core.plan.plan import ExposurePlan, Plan


class ListenOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and the further Host and Origin headers that are accepted."""

    host: str = "127.0.0.1"
    port: int | None = None
    public_url: str | None = None
    tls: bool = False
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, and the exposures that are served there. `url` is its address in metadata."""

    host: str
    port: int
    url: str
    exposures: tuple[ExposurePlan, ...]


def listeners(plan: Plan, options: ListenOptions) -> tuple[Listener, ...]:
    """The listeners of a plan: with a `port` one for everything, else one for each port that an exposure names."""
    ports: dict[int, list[object]] = {}
    for exposure in plan.exposures:
        ports.setdefault(exposure.port if options.port is None else options.port, []).append(exposure)
    scheme = "https" if options.tls else "http"
    host = f"[{options.host}]" if ":" in options.host else options.host
    return tuple(
        Listener(
            host=options.host,
            port=port,
            url=(options.public_url or f"{scheme}://{host}:{port}").rstrip("/"),
            exposures=tuple(exposures),  # type: ignore[arg-type]  # every entry is an exposure
        )
        for port, exposures in ports.items()
    )
