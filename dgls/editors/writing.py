"""Writes a guide's lines into the user's file, atomically and with a backup beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dgls.editors.guides import Guide
from dgls.editors.merging import Merge
from dgls.editors.places import extension, sources_of_extension
from dgls.errors import InputError
from dgls.files import replace

_INSTALL_S = 120
_PACKAGE_S = 600
_CODES = ("code", "codium", "code-insiders", "code-server")
"""The commands of VS Code and its relatives, which all take `--install-extension`."""

_MARK_OF_UTF8 = "\ufeff"


@dataclass(frozen=True, slots=True)
class Written:
    """The result of `write`: `changed` is False if dgls was there already."""

    what: str
    changed: bool
    backup: Path | None = None


def write(guide: Guide) -> Written:
    """Write the guide's lines into their file.

    Raises `InputError` for a file that is not understood or cannot be written; it stays unchanged.
    """
    if guide.file is None or guide.merge is None:
        return _install_extension()
    old = _read(guide.file)
    try:
        if guide.by_hand:
            raise InputError(guide.by_hand)
        new = _merged(guide.merge, old)
    except InputError as error:
        raise InputError(
            f"{guide.file} was not changed: {error}. Run the same command without --write, and add "
            "the lines that it prints by hand."
        ) from error
    if new == old:
        return Written(str(guide.file), changed=False)
    return Written(str(guide.file), changed=True, backup=_replace(guide.file, new))


def lacking(guide: Guide) -> str:
    """What the user's file leaves out, in a sentence.

    "" if nothing, or if it is no such file.
    """
    if guide.file is None or guide.lacking is None:
        return ""
    try:
        return guide.lacking(_read(guide.file).removeprefix(_MARK_OF_UTF8))
    except InputError:
        return ""


def _merged(merge: Merge, old: str) -> str:
    """The merged text with the file's line ends and byte order mark."""
    text = old.removeprefix(_MARK_OF_UTF8)
    has_crlf = "\n" in text and text.count("\r\n") == text.count("\n")
    new = merge(text.replace("\r\n", "\n") if has_crlf else text)
    return old[: len(old) - len(text)] + (new.replace("\n", "\r\n") if has_crlf else new)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); it was not changed.") from error


def _replace(path: Path, text: str) -> Path | None:
    """Write the text; returns the backup of the old file, None if there was none."""
    # A link stays a link: many users keep these files in a repository.
    path = path.resolve()
    is_new = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        backup = _back_up(path)
        if backup is None:
            path.touch(exist_ok=False)
            is_new = True
        replace(path, text.encode("utf-8"))
    except OSError as error:
        if is_new:
            path.unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written ({error.strerror}); it was not changed."
        ) from error
    return backup


def _back_up(path: Path) -> Path | None:
    if not path.exists():
        return None
    backup = path.with_name(f"{path.name}.{datetime.now():%Y%m%d-%H%M%S}.bak")
    shutil.copy2(path, backup)
    return backup


def _install_extension() -> Written:
    code = next(filter(None, map(shutil.which, _CODES)), None)
    packaged = extension() or _package_extension()
    if code is None:
        raise InputError(
            f"None of {', '.join(_CODES)} is on the PATH, and nothing was changed; in VS Code, "
            f"choose 'Install from VSIX...' and {packaged}."
        )
    command = [code, "--install-extension", str(packaged), "--force"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    if done.returncode:
        # The last line of output is the reason, after progress messages.
        raise InputError(
            f"{code} did not install {packaged}; nothing was changed. It said: "
            f"{(done.stderr.strip() or done.stdout.strip())[-300:]}"
        )
    return Written(f"VS Code (by {packaged})", changed=True)


def _package_extension() -> Path:
    """Run `make vsix` in the checkout. Raises `InputError` on failure."""
    checkout = sources_of_extension()
    missing = [name for name in ("make", "npm") if shutil.which(name) is None]
    if checkout is None or missing:
        why = (
            f"{' and '.join(missing)} is not on the PATH"
            if checkout
            else "there is no checkout of dgls"
        )
        raise InputError(
            f"The VS Code extension is not packaged yet, and {why}; nothing was changed. Run make "
            "vsix in a checkout of dgls (this needs npm and Node 20), then run this command "
            "again."
        )
    print(
        "Packaging the VS Code extension; this takes about a minute.", file=sys.stderr, flush=True
    )
    command = ["make", "-C", str(checkout), "vsix"]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PACKAGE_S,
        check=False,
    )
    packaged = extension()
    if done.returncode or packaged is None:
        raise InputError(
            f"make vsix failed in {checkout}; nothing was installed. It said: {done.stdout[-500:]}"
        )
    return packaged
