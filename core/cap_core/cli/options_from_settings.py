"""The settings about running calls, as the options with which a plan is opened."""

from __future__ import annotations

from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.settings.table import Settings

SANDBOX = "sandbox"
"""The transport behind `--sandbox`; a plugin's, like any other."""


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
        transport=SANDBOX if settings.sandbox or settings.sandbox_file else "",
        state=settings.sandbox_file,
    )
