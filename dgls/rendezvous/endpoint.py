"""Where an engine listens: the files of its runtime folder, named by a hash of its identity.

    engine-<hash>.sock   its Unix socket (0600)
    engine-<hash>.port   without Unix sockets: a loopback port and a token (0600)
    engine-<hash>.lock   held by the engine as long as it lives
    engine-<hash>.log    its log since its last start

The folder is private to the user (0700). Another version, model, device or backend has another
hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from dgls import __version__
from dgls.checkpoint.automatic_model import AUTO, automatic
from dgls.checkpoint.files import LORA_FILE
from dgls.checkpoint.store import models_folder
from dgls.config import Settings, changed, is_path
from dgls.files import expanded, open_own
from dgls.rendezvous.runtime_folder import runtime_folder

LOOPBACK = "127.0.0.1"
_LONGEST_SOCKET_PATH = 100
"""In bytes; `sun_path` holds 104 on macOS and 108 on Linux."""

_LARGEST_PORT_FILE = 1000


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket."""

    path: Path


@dataclass(frozen=True, slots=True)
class PortAddress:
    """A loopback port and the token that every request must carry."""

    port: int
    token: str


Address = UnixAddress | PortAddress


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One engine's place in the runtime folder."""

    folder: Path
    name: str

    @property
    def socket(self) -> Path:
        """The Unix socket."""
        return self.folder / f"{self.name}.sock"

    @property
    def port(self) -> Path:
        """The file with the loopback port and its token."""
        return self.folder / f"{self.name}.port"

    @property
    def lock(self) -> Path:
        """The file that a running engine holds locked."""
        return self.folder / f"{self.name}.lock"

    @property
    def log(self) -> Path:
        """The engine's log."""
        return self.folder / f"{self.name}.log"

    @property
    def has_unix_socket(self) -> bool:
        """Whether the engine listens on a Unix socket: the system has them and the path fits."""
        fits = len(os.fsencode(self.socket)) <= _LONGEST_SOCKET_PATH
        return sys.platform != "win32" and hasattr(socket, "AF_UNIX") and fits

    def address(self) -> Address | None:
        """Where to reach the engine, or None if its files show no address.

        An address may be stale: the engine may have died and left it.
        """
        if self.has_unix_socket:
            return UnixAddress(self.socket) if _is_socket(self.socket) else None
        return _read_port(self.port)

    def forget_address(self) -> None:
        """Remove the socket or port file. Only the holder of the lock may do so."""
        self.socket.unlink(missing_ok=True)
        self.port.unlink(missing_ok=True)


def endpoint_of(settings: Settings) -> Endpoint:
    """The endpoint of the engine for these settings."""
    settings = absolute(settings)
    identity = {
        "version": __version__,
        "python": sys.prefix,
        "weights": _weights(settings),
        **settings.identity(),
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return Endpoint(runtime_folder(settings), f"engine-{digest[:12]}")


def endpoints(settings: Settings) -> list[Endpoint]:
    """Every endpoint in the runtime folder, of a running engine or left by a dead one."""
    folder = runtime_folder(settings)
    return [Endpoint(folder, path.stem) for path in sorted(folder.glob("engine-*.lock"))]


def absolute(settings: Settings) -> Settings:
    """The settings with `auto` replaced by the model it selects, and a folder as an absolute path.

    Another process gets them like this, so that it uses the same model.
    """
    name = settings.model.name
    if name == AUTO:
        return changed(settings, {"model.name": automatic()})
    if not is_path(name):
        return settings
    return changed(settings, {"model.name": str(expanded(name).resolve())})


def _weights(settings: Settings) -> dict[str, int]:
    """The modification time (ns) of each weight file of a checkpoint, and of a LoRA beside it.

    With other weights it is another engine.
    """
    path = Path(settings.model.name)
    if not path.is_absolute():
        files = [models_folder() / path / LORA_FILE]
    elif path.is_file():
        files = [path, path.with_name(LORA_FILE)]
    else:
        files = list(path.glob("*.safetensors"))
    return {file.name: file.stat().st_mtime_ns for file in files if file.is_file()}


def _is_socket(path: Path) -> bool:
    """Whether the path is a socket, not a link to one."""
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def _read_port(path: Path) -> PortAddress | None:
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), encoding="utf-8") as file:
            fields = json.loads(file.read(_LARGEST_PORT_FILE))
        return PortAddress(int(fields["port"]), str(fields["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
