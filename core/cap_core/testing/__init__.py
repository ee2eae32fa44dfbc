"""For tests of documents and plugins: a running gateway, and an upstream that records the bytes of requests.

    with upstream() as api, gateway("capability.yaml", base_uris={"ns": api.url}) as cap:
        assert httpx.get(cap.url + "/v1/things").status_code == 200
        assert api.requests[0].target == b"/things"

Both are real servers on loopback, each in a thread with an event loop of its own.

Imports compile, server and the packages below them.
"""

from __future__ import annotations

from cap_core.testing.gateway import Running, gateway
from cap_core.testing.loops import PATIENCE
from cap_core.testing.upstream import Answered, Recorded, Upstream, upstream

__all__ = ["PATIENCE", "Answered", "Recorded", "Running", "Upstream", "gateway", "upstream"]
