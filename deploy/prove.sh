#!/usr/bin/env bash
# Proves that nothing acknowledged is lost: cuts the power under the store, kills, stops and starves a real
# daemon under load, reads back every delivery that was answered 200, and prints one table.
#
#   deploy/prove.sh                  the short form, which deploy/test.sh runs: less than four minutes
#   deploy/prove.sh --long           200 kills, 5,000 power cuts, a million seeds of the receiver and an hour
#                                    of seeds of the whole daemon in simulation, long faults, a soak of 10
#                                    million deliveries: hours, and 10 GB in TMPDIR
#   deploy/prove.sh --kills 50       that many kills, and with --long as many faults on PostgreSQL; likewise
#                                    --soak N deliveries, --power-cuts N, --seeds N of the receiver, --minutes
#                                    N of the daemon
#   deploy/prove.sh --only kill soak these faults only; power stands for the tests of the store, simulation
#                                    for the receiver and daemon for the whole daemon in simulation, of which
#                                    `swift test` runs 1,000 seeds each, delete for the sources without each
#                                    capability, as in --long; callbacks for kills between an end and its
#                                    callback, four in each test run; archive for 20 kills at each step of
#                                    a kept file's way, one in each test run; workflows for ten kills during
#                                    each documented workflow, one in each test run; postgresql for three
#                                    receivers on one PostgreSQL with a standby
#   deploy/prove.sh --seed 7         the same load again; --seed-start N: the first of the simulations
#   deploy/prove.sh --json           the rows as JSON; progress goes to standard error
#
# The exit status is 1 if anything was lost or applied twice, or a fault was not survived, and 64 for a bad
# argument.
set -euo pipefail

length=short
power_cuts=
seeds=
minutes=
seed_start=0
arguments=()
only=()
while [ $# -gt 0 ]; do
  case "$1" in
    --short) length=short && shift ;;
    --long) length=long && shift ;;
    --json) arguments+=(--json) && shift ;;
    --power-cuts | --seeds | --minutes | --seed-start | --kills | --soak | --seed)
      [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "prove.sh: $1 takes a number" >&2 && exit 64; }
      case "$1" in
        --power-cuts) power_cuts=$2 ;;
        --seeds) seeds=$2 ;;
        --minutes) minutes=$2 ;;
        --seed-start) seed_start=$2 ;;
        *) arguments+=("$1" "$2") ;;
      esac
      shift 2
      ;;
    --only)
      shift
      while [ $# -gt 0 ] && [[ $1 != -* ]]; do only+=("$1") && shift; done
      [ ${#only[@]} -gt 0 ] || {
        echo "prove.sh: --only takes the names of faults (try --help)" >&2 && exit 64
      }
      ;;
    -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "prove.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages python3 util-linux
need_postgresql

names() { [[ " ${only[*]} " == *" $1 "* ]]; }
wants() { [ ${#only[@]} = 0 ] || names "$1"; }
# The short form leaves the simulations to the tests.
simulates_receiver() { names simulation || { [ ${#only[@]} = 0 ] && [ -n "$seeds" ]; }; }
simulates_daemon() { names daemon || { [ ${#only[@]} = 0 ] && [ -n "$minutes" ]; }; }
kills_between_callbacks() { names callbacks || { [ ${#only[@]} = 0 ] && [ "$length" = long ]; }; }
kills_while_keeping() { names archive || { [ ${#only[@]} = 0 ] && [ "$length" = long ]; }; }
kills_during_workflows() { names workflows || { [ ${#only[@]} = 0 ] && [ "$length" = long ]; }; }
# A build of its own, which the short form has no time for.
deletes() { names delete || { [ ${#only[@]} = 0 ] && [ "$length" = long ]; }; }
[ "$length" = long ] && [ ${#only[@]} = 0 ] && seeds=${seeds:-1000000} minutes=${minutes:-60}

place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM

# The faults injected into a daemon: all of them unless some are named.
faults=()
for fault in "${only[@]}"; do
  case "$fault" in
    power | simulation | daemon | delete | callbacks | archive | workflows) ;;
    *) faults+=("$fault") ;;
  esac
done
starts_daemon() { [ ${#only[@]} = 0 ] || [ ${#faults[@]} -gt 0 ]; }

# Standard output is reserved for the table.
{
  # The short form uses the debug build of the tests. The long one is optimized, so that the load is not the
  # bottleneck.
  if [ "$length" = long ]; then
    build=(-c release --static-swift-stdlib -Xlinker -s)
    prove=.build/release/webhook-prove
  else
    build=()
    prove=.build/debug/webhook-prove
  fi
  run swift build "${build[@]}" --product webhook-prove
  if starts_daemon; then
    # Built like in deploy/instructions.sh, so that both share one build.
    run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
    run swift build "${build[@]}" --product replicate-simulator
    run clang -shared -fPIC -O1 -o "$place/clock-shift.so" Tests/Proofs/Preloaded/clock_shift.c
    run clang -shared -fPIC -O1 -o "$place/disk-refusal.so" Tests/Proofs/Preloaded/disk_refusal.c
  fi

  tests=0
  export PROOF_RECORD=$place/record
  touch "$PROOF_RECORD"
  arguments+=(--record "$PROOF_RECORD")
  # The number of rounds in the record so far.
  rounds() { awk -F '"rounds":' '{ rounds += $2 } END { print rounds + 0 }' "$PROOF_RECORD"; }
  # Runs tests, and reports meanwhile how many rounds of what are done.
  run_tests() {
    local what=$1 before status=0
    shift
    before=$(rounds)
    swift test --skip-build "$@" >"$place/tests" 2>&1 &
    test_process=$!
    while kill -0 $test_process 2>/dev/null; do
      sleep 5
      note "$(($(rounds) - before)) $what"
    done
    wait $test_process || status=$?
    [ "$status" = 0 ] || { cat "$place/tests" && tests=$status; }
  }
  if wants power; then
    run swift build --build-tests
    [ "$length" = long ] && power_cuts=${power_cuts:-5000}
    export STORE_POWER_CUTS=${power_cuts:-200}
    note "$STORE_POWER_CUTS power cuts; every call of the store to its disk fails once"
    run_tests "disks examined" --filter 'StoreFaultTests|CommitThreadTests'
  fi
  if kills_between_callbacks; then
    run swift build --build-tests
    export CALLBACK_KILLS=200
    note "$CALLBACK_KILLS kills between an end and its callback"
    run_tests "kills" --filter 'CallbackTests.*killed'
  fi
  if kills_while_keeping; then
    run swift build --build-tests
    export ARCHIVE_KILLS=20
    note "$ARCHIVE_KILLS kills at each step of a kept file's way"
    run_tests "kills" --filter 'KeptFilesTests.KillTests'
  fi
  if kills_during_workflows; then
    run swift build --build-tests
    export WORKFLOW_KILLS=10
    note "$WORKFLOW_KILLS kills during each documented workflow"
    run_tests "kills" --filter 'FleetTests.WorkflowTests'
  fi
  # A separate build: these tests need testable imports, and are fast enough only when optimized.
  simulation=(-c release -Xswiftc -enable-testing --scratch-path .build-simulation)
  if simulates_receiver || simulates_daemon; then run swift build "${simulation[@]}" --build-tests; fi
  if simulates_receiver; then
    export RECEIVER_SEEDS=${seeds:-1000000} RECEIVER_SEED_START=$seed_start
    note "$RECEIVER_SEEDS seeds of the receiver in simulation, from $RECEIVER_SEED_START"
    run_tests "seeds done" "${simulation[@]}" --filter ReceiverSimulationTests
  fi
  if simulates_daemon; then
    export DAEMON_MINUTES=${minutes:-60} DAEMON_SEED_START=$seed_start
    note "$DAEMON_MINUTES minutes of seeds of the daemon in simulation, from $DAEMON_SEED_START"
    run_tests "seeds done" "${simulation[@]}" --filter DaemonSimulationTests
  fi
  if deletes; then
    if run deploy/proofs/delete-test.sh; then
      echo '{"fault":"a capability deleted","acknowledged":0,"lost":0,"appliedTwice":0}' >>"$PROOF_RECORD"
    else
      tests=1
    fi
  fi
} >&2

[ "$length" = long ] && arguments+=(--long)
if [ ${#faults[@]} -gt 0 ]; then
  arguments+=(--only "${faults[@]}")
elif [ ${#only[@]} -gt 0 ]; then
  arguments+=(--no-daemon)
fi
# A proof mounts a small file system, which must not outlive it.
mounts=()
[ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null && mounts=(unshare --mount)
status=0
# Files that an interrupted run leaves behind are removed with the folder.
TMPDIR=$place "${mounts[@]}" "$prove" --daemon .build/release/replicate-webhookd \
  --clock-shift "$place/clock-shift.so" --disk-refusal "$place/disk-refusal.so" "${arguments[@]}" || status=$?
[ "$tests" = 0 ] || fail "Tests have failed: see above."
exit "$status"
