"""Files with secrets, ignored files and foreign files are left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dgls.policy.privacy import SECRETS, Privacy
from dgls.policy.silence_reasons import Silence


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/p/main.py", None),
        ("/p/.env", Silence.SECRET),
        ("/p/.env.production", Silence.SECRET),
        ("/p/sub/prod.env", Silence.SECRET),
        ("/p/Server.PEM", Silence.SECRET),
        ("/p/id_rsa", Silence.SECRET),
        ("/p/credentials.py", Silence.SECRET),
        ("/p/secrets.toml", Silence.SECRET),
        ("/p/.ssh/config.py", Silence.SECRET),
        ("/p/.kube/config", Silence.SECRET),
        ("/p/prod.tfvars", Silence.SECRET),
        ("/p/terraform.tfstate.backup", Silence.SECRET),
        ("/p/client_secret_1.json", Silence.SECRET),
        ("/p/.pgpass", Silence.SECRET),
        ("/p/kube/config", None),
        ("/p/environment.py", None),
        ("/p/keys.py", None),
        ("/p/my.vault", Silence.SECRET),
        ("/p/private/x.py", Silence.SECRET),
        ("Untitled-1", None),
        (".env", Silence.SECRET),
        ("/elsewhere/main.py", Silence.OUTSIDE),
        ("/p/../elsewhere/main.py", Silence.OUTSIDE),
        ("/pp/main.py", Silence.OUTSIDE),
    ],
)
def test_secrets_and_files_outside_are_left_alone(path: str, reason: Silence | None) -> None:
    privacy = Privacy((Path("/p"),), ("*.vault", "private/"))
    assert privacy.why_not(path) is reason


def test_user_patterns_remove_nothing_from_the_list() -> None:
    privacy = Privacy(secrets=("!.env", "!*.pem", "[", "*.mine"))
    assert privacy.why_not("/p/.env") is Silence.SECRET
    assert privacy.why_not("/p/a.pem") is Silence.SECRET
    assert privacy.why_not("/p/a.mine") is Silence.SECRET
    assert ".env*" in SECRETS


def test_in_an_untrusted_workspace_every_file_is_left_alone() -> None:
    assert Privacy(trusted=False).why_not("/p/main.py") is Silence.UNTRUSTED
    assert Privacy(trusted=False).why_not("Untitled-1") is Silence.UNTRUSTED


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("main.py", False),
        ("build/x.py", True),
        ("build/deep/x.py", True),
        ("src/generated_a.py", True),
        ("src/generated_kept.py", False),
        ("generated_a.py", False),
        ("src/build.py", False),
        ("build/again.py", True),
    ],
)
def test_files_ignored_by_git_are_left_alone(tmp_path: Path, path: str, ignored: bool) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "build").mkdir()
    (tmp_path / ".gitignore").write_text("build/\n# comment\n")
    (tmp_path / "src" / ".gitignore").write_text("generated_*.py\n!generated_kept.py\n")
    # An ignored folder stays ignored, whatever is in it.
    (tmp_path / "build" / ".gitignore").write_text("!again.py\n")
    privacy = Privacy((tmp_path,))
    assert (privacy.why_not(str(tmp_path / path)) is Silence.IGNORED) is ignored


@pytest.mark.parametrize("kind", ["in place", "moved there"])
def test_a_changed_gitignore_with_its_old_date_is_read_again(tmp_path: Path, kind: str) -> None:
    (tmp_path / ".git").mkdir()
    ignores = tmp_path / ".gitignore"
    ignores.write_text("y.py\n")
    dates = ignores.stat()
    privacy = Privacy((tmp_path,))
    file = str(tmp_path / "x.py")
    assert privacy.why_not(file) is None
    new = tmp_path / "new" if kind == "moved there" else ignores
    new.write_text("x.py\n")
    os.utime(new, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    new.replace(ignores)
    assert privacy.why_not(file) is Silence.IGNORED


def test_a_changed_gitignore_is_read_again(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    privacy = Privacy((tmp_path,))
    file = str(tmp_path / "x.py")
    assert privacy.why_not(file) is None
    (tmp_path / ".gitignore").write_text("x.py\n")
    assert privacy.why_not(file) is Silence.IGNORED
