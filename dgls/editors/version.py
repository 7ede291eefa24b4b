"""Which version of an editor is installed, and whether it can show what dgls suggests."""

from __future__ import annotations

import re
import subprocess

from dgls.editors.guides import Guide

_ANSWER_S = 30


def installed_version(guide: Guide) -> str:
    """The editor's version; empty where it is not on the PATH or where dgls asks for no version."""
    if not guide.version:
        return ""
    try:
        done = subprocess.run(
            guide.version, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+\.\d+\S*", done.stdout)
    return found[0] if found else ""


def too_old(guide: Guide, version: str) -> str:
    """What to say of a version that cannot show suggestions; empty where it can."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) >= guide.least:
        return ""
    least = ".".join(map(str, guide.least))
    return f"{guide.title} {version} cannot show what dgls suggests; install {least} or newer."
