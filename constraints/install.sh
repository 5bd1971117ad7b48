#!/bin/sh
# install.sh demo|dev: makes .venv with exactly what constraints/NAME.txt pins, every file checked by its hash, and
# this checkout on top. Does nothing where that is so already: the stamp in .venv is written last.
set -eu
cd "$(dirname "$0")/.."
name=$1
venv=.venv

newest_python() {
    for candidate in python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.11 or newer with its venv module was found; install python3.13 (Debian and Ubuntu:" \
        "also python3-venv; macOS: brew install python@3.13) and try again" >&2
    exit 1
}

fingerprint() {
    "$1" -c 'import hashlib, sys; print(hashlib.sha256(b"".join(open(p, "rb").read() for p in sys.argv[1:])).hexdigest())' \
        "constraints/$name.txt" pyproject.toml
}

if [ -x $venv/bin/python ] && [ "$(cat $venv/stamp-$name 2>/dev/null)" = "$(fingerprint $venv/bin/python)" ]; then
    exit 0
fi
if ! $venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$(newest_python)
    echo "making $venv with $("$python" --version)" >&2
    "$python" -m venv --clear $venv
fi
echo "installing what constraints/$name.txt pins (the first time takes a minute or two)" >&2
$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "constraints/$name.txt"
$venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fingerprint $venv/bin/python > $venv/stamp-$name
