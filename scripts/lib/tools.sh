# Sourced by the scripts: where the package is, and how what they need gets there. Installs only what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
export LC_ALL=C.UTF-8

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 2; }

# files PATH …: the repository's files, also those that are not committed yet, whoever owns the folder.
files() { git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"; }

# need PROGRAM-OR-FILE PACKAGE …: Debian packages, each installed when the program or file before it is missing.
need() {
  local wanted=()
  while [ $# -gt 0 ]; do
    if [[ $1 == /* ]]; then [ -e "$1" ] || wanted+=("$2"); else command -v "$1" >/dev/null 2>&1 || wanted+=("$2"); fi
    shift 2
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "please install what these Debian packages hold: ${wanted[*]}"
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  echo "installing ${wanted[*]}"
  $sudo apt-get -qq update
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${wanted[@]}" >/dev/null
}

# Some servers live where only root's PATH looks.
export PATH=$PATH:/usr/sbin:/sbin

# toolchain PROGRAM: the path of a program of the compiler's own toolchain, whatever stands in for swift in PATH; Debian's LLVM
# tools may be too old for what it writes.
toolchain() {
  echo "$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')/$1"
}

# libcurl's header lies under the architecture's folder on Debian and right under include elsewhere.
need_libcurl() {
  local header
  for header in /usr/include/curl/curl.h /usr/include/*-linux-gnu/curl/curl.h; do [ -e "$header" ] && return 0; done
  need /usr/include/curl/curl.h libcurl4-openssl-dev
}

# python_with FILE: a virtual environment in .venv that holds the packages of the requirements file; sets PYTHON.
python_with() {
  need python3 python3
  PYTHON=$ROOT/.venv/bin/python
  if [ ! -x "$PYTHON" ] || ! "$PYTHON" -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    python3 -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; need /missing python3-venv; python3 -m venv .venv; }
  fi
  local stamp=.venv/${1//\//-}.installed
  if ! cmp -s "$1" "$stamp"; then
    "$PYTHON" -m pip install -q --disable-pip-version-check -r "$1" && cp "$1" "$stamp"
  fi
}

# What scripts/check and scripts/test build: release, tests included, every warning an error; in a folder of its own, so that
# these flags and those of a plain `swift build` do not undo each other's work.
CHECKED=(-c release --scratch-path .build/checked -Xswiftc -warnings-as-errors)
SYMBOLS=$ROOT/.build/checked/symbols
build_everything() {
  mkdir -p "$SYMBOLS"
  swift build "${CHECKED[@]}" --build-tests -Xswiftc -enable-testing \
    --explicit-target-dependency-import-check error \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$SYMBOLS"
}
