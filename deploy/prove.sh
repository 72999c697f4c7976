#!/usr/bin/env bash
# Shows that nothing acknowledged is ever lost: cuts the power under the store, kills, stops and starves a real daemon under
# load, asks for every delivery that was answered with 200, and prints one table.
#
#   deploy/prove.sh                  the short form, which deploy/test.sh runs: less than three minutes
#   deploy/prove.sh --long           200 kills, 5,000 power cuts, faults as long as in earnest, a soak of 10 million
#                                    deliveries: hours, and 10 GB in TMPDIR
#   deploy/prove.sh --kills 50       so many kills; --soak N for so many deliveries in the soak, --power-cuts N
#   deploy/prove.sh --only kill soak these faults; power for those that are tests of the store (say it last)
#   deploy/prove.sh --seed 7         the same load again
#   deploy/prove.sh --json           the rows for programs; progress goes to standard error
#
# The exit status is 1 where anything was lost or applied twice, or a fault was not survived, and 64 for a bad argument.
set -euo pipefail

length=short
power_cuts=
arguments=()
only=()
while [ $# -gt 0 ]; do
  case "$1" in
    --short) length=short && shift ;;
    --long) length=long && shift ;;
    --json) arguments+=(--json) && shift ;;
    --power-cuts | --kills | --soak | --seed)
      [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "prove.sh: $1 takes a number" >&2 && exit 64; }
      if [ "$1" = --power-cuts ]; then power_cuts=$2; else arguments+=("$1" "$2"); fi
      shift 2
      ;;
    --only) shift && only=("$@") && break ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "prove.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages python3 util-linux

wants() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM

# Standard output is the table's.
{
  # As deploy/instructions.sh builds it, so that both do it once.
  run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
  # The short form takes the build of the tests. In the long one the load should not be what is slow.
  if [ "$length" = long ]; then
    prove=.build/release/webhook-prove
    run swift build -c release --static-swift-stdlib --product webhook-prove -Xlinker -s
    run swift build -c release --static-swift-stdlib --product replicate-simulator -Xlinker -s
  else
    prove=.build/debug/webhook-prove
    run swift build --product webhook-prove
    run swift build --product replicate-simulator
  fi
  run clang -shared -fPIC -O1 -o "$place/clock-shift.so" Tests/Preloaded/clock_shift.c
  run clang -shared -fPIC -O1 -o "$place/disk-refusal.so" Tests/Preloaded/disk_refusal.c

  tests=0
  if wants power; then
    run swift build --build-tests
    [ "$length" = long ] && power_cuts=${power_cuts:-5000}
    export STORE_POWER_CUTS=${power_cuts:-200} PROOF_RECORD=$place/record
    touch "$PROOF_RECORD"
    say "$STORE_POWER_CUTS power cuts; every call of the store to its disk fails once"
    swift test --skip-build --filter 'StoreFaultTests|CommitThreadTests' >"$place/tests" 2>&1 &
    test_process=$!
    while kill -0 $test_process 2>/dev/null; do
      sleep 5
      say "$(wc -l <"$PROOF_RECORD") disks examined"
    done
    wait $test_process || tests=$?
    [ "$tests" = 0 ] || cat "$place/tests"
    arguments+=(--record "$PROOF_RECORD")
  fi
} >&2

[ "$length" = long ] && arguments+=(--long)
faults=()
for fault in "${only[@]}"; do [ "$fault" = power ] || faults+=("$fault"); done
if [ ${#faults[@]} -gt 0 ]; then
  arguments+=(--only "${faults[@]}")
elif [ ${#only[@]} -gt 0 ]; then
  arguments+=(--no-daemon)
fi
status=0
# What an interrupted run leaves behind is removed with the folder.
TMPDIR=$place "$prove" --daemon .build/release/replicate-webhookd --clock-shift "$place/clock-shift.so" \
  --disk-refusal "$place/disk-refusal.so" "${arguments[@]}" || status=$?
[ "$tests" = 0 ] || fail "The tests of the store have failed: see above."
exit "$status"
