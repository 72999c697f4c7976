#!/usr/bin/env bash
# Installs what the tests need, and runs all of them: format, unit and process tests, and the quickstart.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

need_swift
need_build_packages
need_packages curl ca-certificates openssl python3 python3-venv systemd

# The libraries that senders and receivers of Standard Webhooks use: what they sign must be accepted here.
official=.build/official-libraries
if [ ! -x "$official/bin/python" ] || ! "$official/bin/python" -c 'import standardwebhooks, svix' 2>/dev/null; then
  run python3 -m venv --clear "$official"
  run "$official/bin/python" -m pip install --quiet --disable-pip-version-check standardwebhooks svix
fi
OFFICIAL_LIBRARIES_PYTHON=$PWD/$official/bin/python
export OFFICIAL_LIBRARIES_PYTHON

run swift format lint --strict --recursive Sources Tests Package.swift
run swift build --build-tests
run deploy/quickstart.sh --once
run swift test --skip-build
