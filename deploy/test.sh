#!/usr/bin/env bash
# Installs what the tests need, and runs all of them: format, unit and process tests, the quickstart, a bound on the
# instructions that a delivery takes, and the proofs that nothing acknowledged is lost, in their short form.
#
#   deploy/test.sh                        what checks every change
#   deploy/test.sh --sanitize address     the suite built with AddressSanitizer, daemon included
#   deploy/test.sh --sanitize thread      … with ThreadSanitizer
set -euo pipefail

sanitizer=
case "${1:-}" in
  "") ;;
  --sanitize)
    sanitizer=${2:-}
    [[ $sanitizer == address || $sanitizer == thread ]] || {
      echo "test.sh: --sanitize takes address or thread" >&2
      exit 64
    }
    ;;
  -h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *)
    echo "test.sh: unknown argument: $1 (try --help)" >&2
    exit 64
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

need_swift
need_build_packages
need_packages curl ca-certificates openssl python3 python3-venv systemd

# The libraries that senders and receivers of Standard Webhooks use: what they sign must be accepted here. Replicate's own,
# which must work with the simulator.
official=.build/official-libraries
if [ ! -x "$official/bin/python" ] || ! "$official/bin/python" -c 'import standardwebhooks, svix, replicate' 2>/dev/null; then
  run python3 -m venv --clear "$official"
  run "$official/bin/python" -m pip install --quiet --disable-pip-version-check standardwebhooks svix 'replicate<2'
fi
OFFICIAL_LIBRARIES_PYTHON=$PWD/$official/bin/python
export OFFICIAL_LIBRARIES_PYTHON

if [ -n "$sanitizer" ]; then
  # A build of its own. The siege is left out: under a sanitizer the daemon is slow, and it counts seconds.
  case $sanitizer in
    address) export ASAN_OPTIONS=detect_leaks=0 ;;
    thread) export TSAN_OPTIONS=halt_on_error=1 ;;
  esac
  run swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" --skip SiegeTests
  exit
fi

run swift format lint --strict --recursive Sources Tests Package.swift
run swift build --build-tests
run deploy/quickstart.sh --once
run deploy/instructions.sh
run deploy/prove.sh --short
run swift test --skip-build
