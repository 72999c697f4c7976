#!/usr/bin/env bash
# Proves that each capability can be removed: deletes its room, its tests and the lines that name it in a copy
# of the sources, then builds and tests the rest there. Also that the daemon builds without PostgreSQL.
#
#   deploy/proofs/delete-test.sh                      every capability in Sources/Daemon/Capabilities.swift,
#                                                     and PostgreSQL
#   deploy/proofs/delete-test.sh UsageSums            these only
#   deploy/proofs/delete-test.sh --filter LedgerTests tests that match, instead of the levels Repository, Unit
#                                                     and Storage
#   deploy/proofs/delete-test.sh --build-only         no tests
#
# The copy is .build-delete-test/tree. It is kept, so that the next run builds only what has changed.
# The exit status is 1 if the rest names the capability, does not build, or fails a test, and 64 for a bad
# argument.
set -euo pipefail

# Tests of the levels above Storage whose subject is a capability, or that use its routes beside others.
tests_that_use() {
  case $1 in
    UsageSums)
      echo usageRejectsInvalidDays usageIsGroupedByMetadata usageRejectsInvalidGroups \
        anUnsentOrderIsCanceledAtOnce aSignedEndReplacesOurOwn \
        anUnsupportedMethodIsAnsweredWithTheAllowedOnes noMutatedRequestIsAnInternalError FleetTests
      ;;
    JobsPage) echo SessionTests PageTests TokenScopeTests ;;
    # Its settings stay in .env.example, and in what the page says of files that are not kept.
    Archive) echo everySettingIsInTheExampleAndInTheReadme remediesNameSettingsThatExist KeptFilesTests ;;
    JobDeletion) echo anUnsupportedMethodIsAnsweredWithTheAllowedOnes FleetTests TokenScopeTests ;;
    JobCounts) echo CountsRouteTests ProcessTests/ServiceManagerTests ;;
    ProcessMetrics) echo theProcessAndTheDatabaseAreMeasured ;;
    EventStreams) echo EventsCommandTests ListenTests RelayTests TokenScopeTests ProcessTests/ReloadTests ;;
    # Its setting stays in .env.example.
    BodyRetention) echo everySettingIsInTheExampleAndInTheReadme ;;
    RefusedDeliveries) echo RefusalRouteTests ;;
    # Their settings stay in .env.example.
    Callbacks)
      echo everySettingIsInTheExampleAndInTheReadme CallbackAddressTests NotificationTests \
        WorkflowCallbackTests
      ;;
    Workflows)
      echo WorkflowCallbackTests WorkflowVerbTests WorkflowTests WorkflowSimulationTests CommitCrashTests
      ;;
    ReadTokens) echo everySettingIsInTheExampleAndInTheReadme BrowserTests NotificationTests ;;
  esac
}

filter=
build_only=
capabilities=()
while [ $# -gt 0 ]; do
  case "$1" in
    --filter)
      [ -n "${2:-}" ] || { echo "delete-test.sh: --filter takes a regular expression" >&2 && exit 64; }
      filter=$2
      shift 2
      ;;
    --build-only) build_only=1 && shift ;;
    -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    -*) echo "delete-test.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
    *) capabilities+=("$1") && shift ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

known=$(sed -n 's/^ *\([A-Za-z]*\)\.self,\{0,1\}$/\1/p' Sources/Daemon/Capabilities.swift)
[ -n "$known" ] || fail "Sources/Daemon/Capabilities.swift lists no capability."
known+=$'\nPostgreSQL'
for capability in "${capabilities[@]}"; do
  grep -qx -- "$capability" <<<"$known" || {
    echo "delete-test.sh: $capability is no capability. There are: $(paste -sd' ' <<<"$known")" >&2
    exit 64
  }
done
[ ${#capabilities[@]} -gt 0 ] || mapfile -t capabilities <<<"$known"

need_swift
need_build_packages
need_packages python3

source=$PWD
place=$PWD/.build-delete-test
copy=$place/tree
mkdir -p "$copy"

# Builds the daemon without the package's trait, and tries a setting that needs it.
build_without_postgresql() {
  run swift build --scratch-path "$place/without-postgresql" --disable-default-traits \
    --product replicate-webhookd || fail "The daemon does not build without PostgreSQL: see above."
  local daemon=$place/without-postgresql/debug/replicate-webhookd status=0 error
  ! ldd "$daemon" | grep -q libpq || fail "A build without PostgreSQL is linked with libpq."
  error=$(env -i DATABASE_URL=postgresql://host/database "$daemon" migrate 2>&1) || status=$?
  [ "$status" = 78 ] && grep -q "this build leaves PostgreSQL out" <<<"$error" ||
    fail "A build without PostgreSQL does not refuse its URL: status $status, $error"
}

for capability in "${capabilities[@]}"; do
  note "Without $capability:"
  if [ "$capability" = PostgreSQL ]; then
    build_without_postgresql
    note "The daemon builds without PostgreSQL."
    continue
  fi
  python3 deploy/proofs/remove-capability.py "$source" "$copy" "$capability" || exit 1
  cd "$copy"
  run swift build --scratch-path "$place/build" --build-tests ||
    fail "The rest does not build without $capability: see above. Its folder: $copy"
  if [ -z "$build_only" ]; then
    levels=$filter
    if [ -z "$levels" ]; then
      levels=RepositoryTests
      for folder in Tests/Unit/* Tests/Storage/*; do levels+="|$(basename "$folder")"; done
      levels="^($levels)\\."
    fi
    skipped=()
    for name in $(tests_that_use "$capability"); do skipped+=(--skip "$name"); done
    run swift test --scratch-path "$place/build" --skip-build --filter "$levels" "${skipped[@]}" ||
      fail "The rest fails tests without $capability: see above. Its folder: $copy"
  fi
  cd "$source"
  passes=", and passes its tests,"
  [ -z "$build_only" ] || passes=
  note "The rest builds$passes without $capability."
done
