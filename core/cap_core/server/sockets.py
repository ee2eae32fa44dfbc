"""Binds the sockets of all listeners, all or none, and closes them without dropping connections that wait."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence

import msgspec

from cap_core.errors import StartError

BACKLOG = 2048


class ListenAddress(msgspec.Struct, frozen=True):
    """An address to listen on, and the exposures that need it ("things/things-rest"), for messages."""

    host: str
    port: int
    owner: str = ""

    def __str__(self) -> str:
        return address(self.host, self.port)


class Bound(msgspec.Struct, frozen=True):
    """A bound address: its real port, and its sockets (`localhost` has two)."""

    requested: ListenAddress
    port: int
    sockets: tuple[socket.socket, ...]


def address(host: str, port: int) -> str:
    """`host:port`, with brackets where the host is an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(requested: Sequence[ListenAddress]) -> tuple[Bound, ...]:
    """Bind every address, without listening. Raises `StartError` for the first that cannot be bound; then none is."""
    with contextlib.ExitStack() as undo:
        bound = tuple(_bind(one, undo) for one in requested)
        undo.pop_all()
    return bound


def listen(bound: Sequence[Bound]) -> None:
    """Accept connections on all sockets. Raises `StartError` if one cannot listen; then none does."""
    for one in bound:
        for sock in one.sockets:
            try:
                sock.listen(BACKLOG)
            except OSError as error:
                close(bound)
                raise _refused(one.requested, error) from None


def close(bound: Sequence[Bound]) -> None:
    """Close all sockets."""
    for one in bound:
        for sock in one.sockets:
            sock.close()


def _bind(requested: ListenAddress, undo: contextlib.ExitStack) -> Bound:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    port = requested.port
    places = _resolve(requested)
    for family, place in places:
        sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
        try:
            _prepare(sock, family, several=len(places) > 1)
            sock.bind((place[0], port, *place[2:]))
        except OSError as error:
            # A name may have an address of a family that this machine does not speak.
            if error.errno != errno.EADDRNOTAVAIL or len(places) == 1:
                raise _refused(requested, error) from None
            missing = error
            continue
        port = sock.getsockname()[1]
        sockets.append(sock)
    if not sockets:
        assert missing is not None
        raise _refused(requested, missing)
    return Bound(requested, port, tuple(sockets))


def _prepare(sock: socket.socket, family: int, *, several: bool) -> None:
    if os.name == "posix":  # elsewhere it would share a port that is in use
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # `::` alone accepts IPv4 too; with an IPv4 address of the same name it must not take that one's port.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, several)
    sock.setblocking(False)


def _resolve(requested: ListenAddress) -> list[tuple[int, tuple[str, int, *tuple[int, ...]]]]:
    host = requested.host.removeprefix("[").removesuffix("]")
    try:
        found = socket.getaddrinfo(host, requested.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        reason = error.strerror or "it has no address"
        raise StartError(f"cannot listen on {requested.host!r}: {reason}", hint="correct --host") from None
    return list(dict.fromkeys((family, place) for family, _, _, _, place in found))  # type: ignore[misc]


def _refused(requested: ListenAddress, error: OSError) -> StartError:
    whose = f", which {requested.owner} wants" if requested.owner else ""
    if error.errno == errno.EADDRINUSE:
        hint = "stop what listens there, or choose another port with --port"
        return StartError(f"{requested}{whose}, is already in use", hint=hint)
    if error.errno in (errno.EACCES, errno.EPERM):
        return StartError(
            f"{requested}{whose}, is not allowed to this user", hint="choose a port from 1024 with --port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return StartError(f"{requested}{whose}, is no address of this machine", hint="correct --host")
    return StartError(f"cannot listen on {requested}{whose}: {error.strerror}", hint="choose another --host or --port")


# --- closing ----------------------------------------------------------------------------------------------------------

_SO_ATTACH_FILTER = 26
_ONLY_OLD_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the TCP flags
    (0x54, 0, 0, 0x12),  # and keep SYN and ACK
    (0x15, 0, 1, 0x02),  # a SYN alone would open a connection:
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # let everything else pass
)


def refuse_new(sock: socket.socket) -> None:
    """Refuse new connections on a listening socket, while those that have begun can still be accepted.

    Closing a listening socket resets the connections that wait to be accepted. On Linux a filter on the socket holds
    back what would open a connection; elsewhere nothing happens, and the moment between the last accept and the close
    remains.
    """
    if not sys.platform.startswith("linux"):
        return
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _ONLY_OLD_CONNECTIONS)
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HL", len(_ONLY_OLD_CONNECTIONS), ctypes.addressof(buffer))
    with contextlib.suppress(OSError):  # a kernel without socket filters
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def waiting(sock: socket.socket) -> Iterator[socket.socket]:
    """Accept every connection that waits on a listening socket now."""
    while True:
        try:
            connection, _ = sock.accept()
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:  # the peer has closed it meanwhile
            continue
        connection.setblocking(False)
        yield connection
