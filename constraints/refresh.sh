#!/bin/sh
# Writes the constraints files anew from pyproject.toml: every version, every hash, no host name. Needs uv.
# Versions stay as they are; with --upgrade they become the newest. The smaller files take theirs from dev.txt,
# so that what is tested is what is installed.
set -eu
cd "$(dirname "$0")/.."

compile() {
    target=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --output-file "constraints/$target.txt" "$@"
}

compile dev pyproject.toml --extra demo --extra keyring --group dev "$@"
compile runtime pyproject.toml --constraints constraints/dev.txt
compile prices pyproject.toml --extra prices --constraints constraints/dev.txt
printf 'hatchling\neditables\n' | compile build - --constraints constraints/dev.txt
printf 'hatchling\neditables\n' | compile demo pyproject.toml - --extra demo --constraints constraints/dev.txt
