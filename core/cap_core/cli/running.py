"""How calls run, as the settings say."""

from __future__ import annotations

from cap_core.errors import CapError
from cap_core.offers import Transport
from cap_core.opening import OpenOptions, UpstreamOptions
from cap_core.plugins import Offers
from cap_core.settings import Settings

TRANSPORT = "aiohttp"


def open_options(settings: Settings) -> OpenOptions:
    """What the settings say about running calls."""
    defaults = UpstreamOptions()
    return OpenOptions(
        allow_plaintext=frozenset(settings.allow_plaintext),
        upstreams={
            namespace: UpstreamOptions(
                timeouts=given.timeouts(defaults.timeouts),
                tls=given.tls,
                proxy=given.proxy,
                connections=given.connections or defaults.connections,
            )
            for namespace, given in settings.upstreams.items()
        },
        strict_outputs=settings.strict_outputs,
    )


def transport(offers: Offers) -> Transport:
    """The way requests are sent. Raises `CapError` where no plugin offers it."""
    if TRANSPORT not in offers.transports:
        offered = ", ".join(sorted(offers.transports)) or "none"
        raise CapError(f"no plugin offers the transport {TRANSPORT!r}; offered are {offered}", hint="see 'cap plugins'")
    return offers.transports[TRANSPORT]
