"""`dgls editor vscode --write`: the extension is packaged, found and installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dgls.cli.main import run
from dgls.editors import places
from tests.support.programs import script

pytestmark = pytest.mark.usefixtures("home")


def test_the_vscode_extension_is_packaged_if_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    checkout = home / "checkout"
    (checkout / "editors" / "vscode").mkdir(parents=True)
    (checkout / "Makefile").write_text("vsix:\n\tmkdir dist && touch dist/dgls.vsix\n")
    monkeypatch.setattr(places, "_CHECKOUT", checkout)
    monkeypatch.setattr(places, "_installed_from", lambda: None)
    for name in ("npm", "code"):
        script(home, name, f'echo "$@" > {home}/{name}-said', monkeypatch)
    assert run(["editor", "vscode", "--write"]) == 0
    assert f"--install-extension {checkout}/dist" in (home / "code-said").read_text()
    assert capfd.readouterr().err.startswith("Packaging the VS Code extension")


@pytest.mark.parametrize(
    ("rule", "why"), [("vsix:\n\techo no node; false\n", "no node"), (None, "no checkout of dgls")]
)
def test_a_failure_to_package_the_extension_is_reported(
    rule: str | None,
    why: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (home / "editors" / "vscode").mkdir(parents=True)
    if rule is not None:
        (home / "Makefile").write_text(rule)
    monkeypatch.setattr(places, "_CHECKOUT", home)
    monkeypatch.setattr(places, "_installed_from", lambda: None)
    script(home, "npm", "true", monkeypatch)
    assert run(["editor", "vscode", "--write"]) == 2
    assert why in capfd.readouterr().err


@pytest.mark.parametrize("command", ["code", "codium", "code-insiders", "code-server"])
def test_vscode_installs_the_extension_with_its_own_command(
    command: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = home / "dgls.vsix"
    script(home, command, f'echo "$@" > {home}/said', monkeypatch)
    monkeypatch.setattr("dgls.editors.writing.extension", lambda: packaged)
    assert run(["editor", "vscode", "--write"]) == 0
    assert (home / "said").read_text().split() == ["--install-extension", str(packaged), "--force"]


def test_a_failed_install_reports_the_last_line_of_vscode(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    script(home, "code", f"echo {'busy ' * 200} >&2; echo no room >&2; false", monkeypatch)
    monkeypatch.setattr("dgls.editors.writing.extension", lambda: home / "dgls.vsix")
    assert run(["editor", "vscode", "--write"]) == 2
    said = capfd.readouterr().err
    assert "nothing was changed" in said
    assert said.endswith("no room\n")


@pytest.mark.parametrize(
    ("noted", "is_found"),
    [
        ('{{"url": "{url}", "dir_info": {{}}}}', True),
        ('{{"url": "https://files.example/dgls.whl"}}', False),
        ("{{", False),
        ("[]", False),
        (None, False),
    ],
)
def test_the_vscode_extension_is_found_in_the_checkout_of_dgls(
    noted: str | None, is_found: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = home / "my checkout"
    packaged = checkout / "dist" / "dgls.vsix"
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    installed = home / "site" / "dgls-0.2.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.4\nName: dgls\nVersion: 0.2.0\n")
    if noted is not None:
        (installed / "direct_url.json").write_text(noted.format(url=checkout.as_uri()))
    monkeypatch.setattr(sys, "path", [str(home / "site"), *sys.path])
    monkeypatch.setattr(places, "_CHECKOUT", home / "elsewhere")
    assert places.extension() == (packaged if is_found else None)
