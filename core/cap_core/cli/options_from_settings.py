"""Makes the options for opening a plan from the settings."""

from __future__ import annotations

from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.settings.table import Settings

SANDBOX = "sandbox"
"""The key of the transport for `--sandbox`, which a plugin offers like any other."""


def open_options(settings: Settings) -> OpenOptions:
    """The options for running calls."""
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
        keep_going=settings.keep_going,
        transport=SANDBOX if settings.sandbox or settings.sandbox_file else "",
        state=settings.sandbox_file,
    )
