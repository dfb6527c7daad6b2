# Sourced by the scripts: where the package is, what the scripts need, and how the package is built for checks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ROOT=$PWD
export LC_ALL=C.UTF-8
# Some servers are only in root's PATH.
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 2; }

# files PATH …: the repository's files, also those that are not committed yet, whoever owns the folder.
files() { git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"; }

# Packages are installed by root, in CI, or with --install (scripts/test); everyone else gets the line to run.
may_install() { [ "$(id -u)" -eq 0 ] || [ -n "${CI:-}" ] || [ "${INSTALL:-no}" = yes ]; }

# need PROGRAM-OR-FILE PACKAGE …: Debian packages, each wanted when the program or file before it is missing.
need() {
  local wanted=()
  while [ $# -gt 0 ]; do
    if [[ $1 == /* ]]; then [ -e "$1" ] || wanted+=("$2"); else command -v "$1" >/dev/null 2>&1 || wanted+=("$2"); fi
    shift 2
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "please install what these Debian packages hold: ${wanted[*]}"
  may_install || die "please run: sudo apt-get install -y ${wanted[*]}"
  local sudo=""
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  echo "installing ${wanted[*]}"
  $sudo apt-get -qq update
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${wanted[@]}" >/dev/null
}

# libcurl_header: where it is, in the architecture's folder on Debian and right in include elsewhere; or where it
# should be.
libcurl_header() {
  local header
  for header in /usr/include/*-linux-gnu/curl/curl.h /usr/include/curl/curl.h; do [ ! -e "$header" ] || break; done
  echo "$header"
}

# ensurepip: the module that venv needs, which Debian has in a package of its own.
ensurepip() { python3 -c 'import ensurepip; print(ensurepip.__file__)' 2>/dev/null || echo /missing/ensurepip; }

# python_with FILE [FOLDER]: a virtual environment, in .venv or the folder, that holds the packages of the requirements
# file; sets PYTHON.
python_with() {
  local folder=${2:-.venv}
  need python3 python3 "$(ensurepip)" python3-venv
  PYTHON=$ROOT/$folder/bin/python
  local stamp=$folder/${1//\//-}.installed
  [ -x "$PYTHON" ] && cmp -s "$1" "$stamp" && return 0
  may_install ||
    die "please run: python3 -m venv $folder && $folder/bin/python -m pip install -r $1 && cp $1 $stamp"
  [ -x "$PYTHON" ] && "$PYTHON" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$folder"
  "$PYTHON" -m pip install -q --disable-pip-version-check -r "$1" && cp "$1" "$stamp"
}

# peers_with PACKAGE …: the libraries that softmaxd is compared with, from PyPI, in .build/peers; sets PYTHON. PyTorch
# comes without its GPU libraries; where its wheel cannot do without them, there is no PyTorch.
peers_with() {
  python_with scripts/proof/requirements.txt .build/peers
  "$PYTHON" -m pip install -q --disable-pip-version-check "$@"
  "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps torch==2.13.0 || true
  "$PYTHON" -m pip install -q --disable-pip-version-check filelock typing-extensions sympy networkx jinja2 fsspec
}

# toolchain PROGRAM: the path of a program of the compiler's own toolchain, whatever stands in for swift in PATH;
# Debian's LLVM tools may be too old for what it writes.
toolchain() {
  echo "$(swiftc -print-target-info | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1/bin|p')/$1"
}

# What scripts/check and scripts/test build: release, tests included, every warning an error; in a folder of its own,
# so that these flags and those of a plain `swift build` do not undo each other's work.
CHECKED=(-c release --scratch-path .build/checked -Xswiftc -warnings-as-errors)
SYMBOLS=$ROOT/.build/checked/symbols
build_everything() {
  mkdir -p "$SYMBOLS"
  swift build "${CHECKED[@]}" --build-tests -Xswiftc -enable-testing \
    --explicit-target-dependency-import-check error \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$SYMBOLS"
}
