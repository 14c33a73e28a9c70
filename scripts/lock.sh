#!/usr/bin/env bash
# Write anew what is installed from: every package with the hashes of its files. Needs uv.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() { uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet "$@"; }
lock --upgrade --output-file requirements/runtime.txt
lock --upgrade --extra history --extra xlsx --output-file requirements/image.txt
lock --upgrade --group dev --output-file requirements/dev.txt
lock --upgrade --resolution lowest-direct --output-file requirements/lowest.txt
