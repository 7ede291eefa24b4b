#!/usr/bin/env bash
# Installs Neovim 0.12 into .editors/neovim under the repository root, for the editor tests.
#
# The system's own packages stay as they are: a private apt configuration with an empty package
# status downloads Neovim and every library that it needs from the Debian suite "forky", and the
# program then runs with the dynamic loader and the libraries of that folder.
# It needs apt and dpkg-deb, no root, and says plainly where it cannot go on.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
target="$root/.editors/neovim"
suite="forky"

say() { echo "install_neovim: $*"; }
give_up() {
    say "$*" >&2
    exit 1
}

# The Debian mirror that this machine already uses.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | head -n 1
}

# An apt configuration that sees one suite, no installed package, and only folders of its own.
write_configuration() {
    mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/parts"
    : >"$work/status"
    cat >"$work/sources.sources" <<SOURCES
Types: deb
URIs: $1
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    cat >"$work/apt.conf" <<CONFIGURATION
Dir::State "$work";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work";
Dir::Cache::archives "$work/archives";
Dir::Etc::sourcelist "$work/sources.sources";
Dir::Etc::sourceparts "$work/parts";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
CONFIGURATION
}

# A script that starts the program with the loader and the libraries that were unpacked beside it.
write_launcher() {
    local loader
    loader="$(find "$unpacked" -name 'ld-linux-*.so.*' \( -type f -o -type l \) | head -n 1)"
    [ -n "$loader" ] || give_up "no dynamic loader among the packages; nothing was installed."
    loader="${loader#"$unpacked"/}"
    mkdir -p "$unpacked/launch"
    cat >"$unpacked/launch/nvim" <<'LAUNCHER_HEAD'
#!/bin/sh
here="$(cd "$(dirname "$0")/.." && pwd)"
libraries="$(printf '%s:' "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*)"
export VIMRUNTIME="$here/usr/share/nvim/runtime"
LAUNCHER_HEAD
    echo "exec \"\$here/$loader\" --library-path \"\$libraries\" \"\$here/usr/bin/nvim\" \"\$@\"" \
        >>"$unpacked/launch/nvim"
    chmod +x "$unpacked/launch/nvim"
}

if [ -x "$target/launch/nvim" ] && "$target/launch/nvim" --version >/dev/null 2>&1; then
    say "already there: $("$target/launch/nvim" --version | head -n 1)"
    exit 0
fi
for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || give_up "$tool is not on this machine; nothing was installed."
done
source_mirror="$(mirror)" || true
[ -n "$source_mirror" ] || give_up "apt knows no Debian mirror here; nothing was installed."

work="$(mktemp -d)"
unpacked="$work/neovim"
trap 'rm -rf "$work"' EXIT
write_configuration "$source_mirror"
export APT_CONFIG="$work/apt.conf"
say "downloading Neovim from Debian $suite (about 30 MB)"
apt-get update -qq || give_up "the package lists of $suite cannot be read; nothing was installed."
apt-get install -qq -y --download-only neovim >/dev/null ||
    give_up "Neovim cannot be downloaded; nothing was installed."
mkdir -p "$unpacked"
for package in "$work"/archives/*.deb; do
    dpkg-deb -x "$package" "$unpacked"
done
write_launcher
"$unpacked/launch/nvim" --version >/dev/null || give_up "Neovim does not start; nothing was installed."
mkdir -p "$(dirname "$target")"
rm -rf "$target"
mv "$unpacked" "$target"
say "installed: $("$target/launch/nvim" --version | head -n 1)"
