"""Decides whether a host is this machine's loopback address."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host, by name or by address, with or without IPv6 brackets, is this machine's loopback (RFC 1122,
    3.2.1.3; RFC 4291, 2.5.3).

    Of names only `localhost` counts; nothing is resolved.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
