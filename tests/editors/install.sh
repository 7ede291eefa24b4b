#!/usr/bin/env bash
# Installs terminal editors for the editor tests, into the cache folder of tests/support/downloads.py.
#
#     tests/editors/install.sh neovim helix emacs tmux
#
# The system's own packages stay as they are: a private apt configuration with an empty package
# status downloads a program and every library that it needs from the Debian suite "forky", and the
# program then runs with the dynamic loader and the libraries of its own folder. Of tmux, in which
# the tests drive the others, the system's own is enough.
# It needs apt and dpkg-deb, no root, and says plainly where it cannot go on.
set -euo pipefail

editors="${DGLS_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dgls/tests}/editors"
suite="forky"

# By editor: the package, the program under usr/bin, the name to start it by, and what it must know
# of the folder ($here) that it was unpacked into.
declare -A package=([neovim]=neovim [helix]=hx [emacs]=emacs-nox [tmux]=tmux)
declare -A program=([neovim]=nvim [helix]=hx [emacs]=emacs-nox [tmux]=tmux)
declare -A launcher=([neovim]=nvim [helix]=hx [emacs]=emacs [tmux]=tmux)
declare -A environment=(
    [neovim]='export VIMRUNTIME="$here/usr/share/nvim/runtime"'
    [helix]='export HELIX_RUNTIME="$here/usr/lib/hx/runtime"'
    [emacs]='
version="$(basename "$here"/usr/share/emacs/[0-9]*)"
export EMACSLOADPATH="$here/usr/share/emacs/$version/lisp"
export EMACSDATA="$here/usr/share/emacs/$version/etc" EMACSDOC="$here/usr/share/emacs/$version/etc"
export EMACSPATH="$(echo "$here/usr/libexec/emacs/$version"/*-linux-gnu*)"
set -- --dump-file="$(find "$here/usr" -name "emacs*.pdmp" | head -n 1)" "$@"'
    [tmux]=''
)

say() { echo "install: $*"; }
give_up() {
    say "$*" >&2
    exit 1
}

# Whether the program of an editor is there and starts.
works() {
    local path="$editors/$1/launch/${launcher[$1]}"
    [ -x "$path" ] && "$path" "$(version_option "$1")" >/dev/null 2>&1
}

version_option() {
    if [ "$1" = tmux ]; then echo -V; else echo --version; fi
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
    local loader path="$2/launch/${launcher[$1]}"
    loader="$(find "$2" -name 'ld-linux-*.so.*' \( -type f -o -type l \) | head -n 1)"
    [ -n "$loader" ] || give_up "no dynamic loader among the packages of $1; it was not installed."
    mkdir -p "$2/launch"
    cat >"$path" <<'LAUNCHER_HEAD'
#!/bin/sh
here="$(cd "$(dirname "$0")/.." && pwd)"
libraries="$(printf '%s:' "$here"/usr/lib/*-linux-gnu* "$here"/lib/*-linux-gnu*)"
LAUNCHER_HEAD
    echo "${environment[$1]}" >>"$path"
    echo "exec \"\$here/${loader#"$2"/}\" --library-path \"\$libraries\"" \
        "\"\$here/usr/bin/${program[$1]}\" \"\$@\"" >>"$path"
    chmod +x "$path"
}

# Downloads one editor, unpacks it, and puts it in place once it has started.
install_one() {
    local unpacked="$work/$1" file
    say "downloading $1 from Debian $suite"
    rm -f "$work"/archives/*.deb
    apt-get install -qq -y --download-only "${package[$1]}" >/dev/null ||
        give_up "$1 cannot be downloaded; it was not installed."
    mkdir -p "$unpacked"
    for file in "$work"/archives/*.deb; do
        dpkg-deb -x "$file" "$unpacked"
    done
    write_launcher "$1" "$unpacked"
    mkdir -p "$editors"
    rm -rf "$editors/$1"
    mv "$unpacked" "$editors/$1"
    if ! works "$1"; then
        rm -rf "$editors/$1"
        give_up "$1 does not start; it was not installed."
    fi
    say "installed $1"
}

missing=()
for name in "$@"; do
    [ -n "${package[$name]:-}" ] || give_up "no editor is called '$name'; nothing was installed."
    if [ "$name" = tmux ] && command -v tmux >/dev/null; then continue; fi
    works "$name" || missing+=("$name")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || give_up "$tool is not on this machine; nothing was installed."
done
source_mirror="$(mirror)" || true
[ -n "$source_mirror" ] || give_up "apt knows no Debian mirror here; nothing was installed."

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
write_configuration "$source_mirror"
export APT_CONFIG="$work/apt.conf"
apt-get update -qq || give_up "the package lists of $suite cannot be read; nothing was installed."
failed=0
for name in "${missing[@]}"; do
    # One that cannot be had takes none of the others away. As a condition of `if` or `||` the
    # subshell would go on after an error.
    set +e
    (set -e; install_one "$name")
    [ $? -eq 0 ] || failed=1
    set -e
done
exit "$failed"
