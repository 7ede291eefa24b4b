"""The key of a remote server: read late, sent in one header, never shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dgls.config import RemoteSettings
from dgls.errors import SettingError
from dgls.files import expanded

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or none. Its text is left out of `repr`, so that no log or traceback has it."""

    text: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """The header with the key; empty without one."""
        return {"Authorization": f"Bearer {self.text}"} if self.text else {}

    def hidden_in(self, message: str) -> str:
        """The message with the key replaced by asterisks, in case a server quoted it."""
        return message.replace(self.text, "***") if self.text else message


def read_key(settings: RemoteSettings, environment: Mapping[str, str] = os.environ) -> Key:
    """The key of the settings. Raises `SettingError`, which never quotes it."""
    if settings.key_file:
        return Key(_checked(_from_file(expanded(settings.key_file))))
    if settings.key_variable:
        # The name is not shown, because it may be the key itself by mistake.
        if settings.key_variable not in environment:
            raise SettingError(
                "The environment variable that 'remote.key_variable' names was not set when the "
                "engine started; nothing was sent. Use 'remote.key_file'."
            )
        return Key(_checked(environment[settings.key_variable]))
    return Key()


def _from_file(path: Path) -> str:
    if not path.is_absolute():
        raise SettingError("'remote.key_file' must be an absolute path; nothing was sent.")
    try:
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise SettingError(
                f"Other users can read the key file {path}; nothing was sent. Make it private: "
                f"chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingError(f"The key file {path} cannot be read ({why}); nothing was sent.") from (
            error if isinstance(error, OSError) else None
        )


def _checked(text: str) -> str:
    """The key as one line that fits into a header."""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise SettingError("The server's key is empty or has invalid characters; nothing was sent.")
    return key
