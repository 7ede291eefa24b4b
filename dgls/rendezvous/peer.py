"""Identifies the other end of a connection, as far as the system tells."""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_LINUX = struct.Struct("3i")
_BSD = struct.Struct("@IIh")
_LOCAL_PEERCRED, _LOCAL_PEERPID = 1, 2
_LISTENING = "0A"
# A variable, so that the type checker also checks the branches for other systems.
_PLATFORM: str = sys.platform


@dataclass(frozen=True, slots=True)
class Peer:
    """The user and, if known, the process that listens or has connected."""

    uid: int
    pid: int | None = None


class Socket(Protocol):
    """The common part of a socket and asyncio's view of one."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """As `socket.socket.getsockopt`."""


def peer_of(connection: Socket) -> Peer | None:
    """The peer of a connected Unix socket; None if the system does not tell."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            pid, uid, _ = _LINUX.unpack(
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _LINUX.size)
            )
            return Peer(uid, pid or None)
        if _PLATFORM == "darwin" or "bsd" in _PLATFORM:
            _, uid, _ = _BSD.unpack(connection.getsockopt(0, _LOCAL_PEERCRED, 76)[: _BSD.size])
            return Peer(uid, _mac_pid(connection))
    except (OSError, struct.error):
        return None
    return None


def is_foreign(peer: Peer | None) -> bool:
    """Whether a peer is known to be another user."""
    return peer is not None and peer.uid != os.getuid()


def is_root(peer: Peer | None) -> bool:
    """Whether a peer is known to be root, which can read everything anyway."""
    return peer is not None and peer.uid == 0


def listener_of(port: int) -> Peer | None:
    """The user that listens on a loopback port; None if the system does not tell."""
    try:
        lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return None
    for fields in map(str.split, lines):
        if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            return Peer(int(fields[7]))
    return None


def _mac_pid(connection: Socket) -> int | None:
    if _PLATFORM != "darwin":
        return None
    return int(struct.unpack("@i", connection.getsockopt(0, _LOCAL_PEERPID, 4))[0]) or None
