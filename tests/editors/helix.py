"""A real Helix in a terminal, with the shipped configuration copied to its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.editors.home import ROOT, own_home
from tests.editors.tmux import Pane
from tests.support.downloads import EDITORS

PROGRAM = EDITORS / "helix" / "launch" / "hx"


_LOG = "helix.log"
_EXAMPLE = "# config = { show = { threshold = 0.6 } }"


def helix(folder: Path, path: Path, environment: Mapping[str, str], config: str = "") -> Pane:
    """A Helix that opens a file, with `dgls` on its PATH.

    A `config` replaces the example in the shipped file.
    """
    home = own_home(folder, environment)
    _write_configuration(home, config)
    return configured_helix(folder, path, home)


def configured_helix(folder: Path, path: Path, home: Mapping[str, str]) -> Pane:
    """A Helix with the configuration in its home."""
    return Pane([str(PROGRAM), "-v", "--log", str(folder / _LOG), str(path)], folder, dict(home))


def _write_configuration(home: Mapping[str, str], config: str) -> None:
    configuration = Path(home["XDG_CONFIG_HOME"]) / "helix"
    configuration.mkdir(parents=True)
    shipped = (ROOT / "editors" / "helix" / "languages.toml").read_text(encoding="utf-8")
    assert _EXAMPLE in shipped
    languages = shipped.replace(_EXAMPLE, config) if config else shipped
    (configuration / "languages.toml").write_text(languages, encoding="utf-8")


def is_connected(folder: Path) -> bool:
    """Whether the language server has answered the Helix of this folder."""
    log = folder / _LOG
    return log.exists() and " dgls <- " in log.read_text(encoding="utf-8")
