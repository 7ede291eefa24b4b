"""Keeps the folder that one works in out of the places from which Python imports.

A repository may hold a `torch.py` or a `json.py`. Knows nothing but `os` and `sys`, because it
comes before every other import.
"""

from __future__ import annotations

import os
import sys

import dgls


def only_installed_code() -> None:
    """Take the working folder and the folders of PYTHONPATH off `sys.path`.

    The folder that dgls itself comes from stays, and so does what lies in Python's own folders.
    """
    own = os.path.dirname(os.path.dirname(os.path.abspath(dgls.__file__)))
    said = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    doubtful = {os.path.abspath(folder) for folder in ["", *said]} - {own}
    sys.path[:] = [
        folder
        for folder in sys.path
        if os.path.abspath(folder) not in doubtful or _is_pythons(os.path.abspath(folder))
    ]


def _is_pythons(folder: str) -> bool:
    return any(folder.startswith(prefix + os.sep) for prefix in (sys.prefix, sys.base_prefix))
