"""Keeps the project that is being edited off Python's import path.

A repository may have a `torch.py` or a `json.py`, and a shell may set `PYTHONPATH=.`. This module
imports only `os` and `sys`, because it runs before every other import, including `__future__`.
"""

import os
import sys

import dgls


def only_installed_code() -> None:
    """Remove the working folder, and project folders in PYTHONPATH, from `sys.path`."""
    kept = set(_kept())
    doubtful = {os.getcwd(), *map(os.path.abspath, _said())} - kept
    sys.path[:] = [
        folder
        for folder in sys.path
        if os.path.abspath(folder) not in doubtful or _is_pythons(os.path.abspath(folder))
    ]


def safe_environment() -> dict[str, str]:
    """The environment for a Python process of dgls, without variables that make it run other code.

    `PYTHONPATH` keeps folders outside projects, and the folder where this process found dgls.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": os.pathsep.join(_kept())}


def _kept() -> list[str]:
    """The folders in PYTHONPATH outside projects, and the one that dgls comes from."""
    said = [folder for folder in _said() if os.path.isabs(folder) and not _is_project(folder)]
    own = os.path.dirname(os.path.dirname(os.path.abspath(dgls.__file__)))
    return list(dict.fromkeys([*said, own]))


def _said() -> list[str]:
    return [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _is_project(folder: str) -> bool:
    """Whether a folder belongs to the user's work: the working folder, or a git work tree."""
    real = os.path.realpath(folder)
    try:
        work = os.path.realpath(os.getcwd())
    except OSError:
        # The working folder was removed, so nothing is in it.
        work = None
    if work is not None and (real == work or real.startswith(work.rstrip(os.sep) + os.sep)):
        return True
    while True:
        if os.path.lexists(os.path.join(real, ".git")):
            return True
        above = os.path.dirname(real)
        if above == real:
            return False
        real = above


def _is_pythons(folder: str) -> bool:
    return any(folder.startswith(prefix + os.sep) for prefix in (sys.prefix, sys.base_prefix))
