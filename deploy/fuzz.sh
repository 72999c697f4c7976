#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer: builds them with coverage instrumentation, and feeds them mutations of
# the kept inputs in Tests/Fuzz/Corpora.
#
#   deploy/fuzz.sh                      a million inputs for each target, one target after the other
#   deploy/fuzz.sh TARGET               one target: requests, signatures, json, predictions
#   deploy/fuzz.sh TARGET --runs N      N inputs; 0 ends after the kept ones, -1 goes on until Ctrl-C
#   deploy/fuzz.sh TARGET --input FILE  runs one input, such as one that a run has reported
#   deploy/fuzz.sh TARGET --merge       adds the smallest set of found inputs that keeps the coverage
#   deploy/fuzz.sh … --address          with AddressSanitizer: finds memory errors, leaks; five times slower
#
# Arguments after -- go to libFuzzer unchanged, for example: -- -seed=1 -use_value_profile=1. -help=1 lists
# them. Found inputs stay in .build-fuzz/TARGET, so that the next run goes on from them.
#
# Status 1: an input broke a rule, crashed, took more than 10 s or more than 1 GB; the last line names its
# file. Once the bug is fixed, keep the input among the corpora: `swift test --filter FuzzRegressionTests`
# checks it from then on.
set -euo pipefail

usage() { sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"; }

targets=()
runs=1000000
input=
merge=false
build=.build-fuzz
sanitizer=()
options=()
while [ $# -gt 0 ]; do
  case $1 in
    requests | signatures | json | predictions) targets+=("$1") ;;
    --runs) runs=${2:?"--runs needs a number"} && shift ;;
    --input) input=$(realpath -- "${2:?"--input needs a file"}") && shift ;;
    --merge) merge=true ;;
    --address) build=.build-fuzz-address && sanitizer=(--sanitize=address) ;;
    --) shift && options=("$@") && break ;;
    -h | --help) usage && exit 0 ;;
    *)
      echo "fuzz.sh: unknown argument: $1" >&2
      usage >&2
      exit 64
      ;;
  esac
  shift
done
[[ $runs =~ ^-?[0-9]+$ ]] || { echo "fuzz.sh: --runs needs a number, not $runs" >&2 && exit 64; }
if { [ -n "$input" ] || $merge; } && [ ${#targets[@]} != 1 ]; then
  echo "fuzz.sh: --input and --merge need one target" >&2
  exit 64
fi
[ ${#targets[@]} -gt 0 ] || targets=(requests signatures json predictions)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

need_swift
need_build_packages

# The checks of the release build stay enabled: traps are what the fuzzer searches for.
export FUZZING=1
run swift build -c release --scratch-path "$build" "${sanitizer[@]}" --product fuzz
fuzz=$build/release/fuzz
# Otherwise Swift would print its own report of a trap, and libFuzzer would never see it.
export SWIFT_BACKTRACE=enable=no

# The maximum length of inputs: short, because short inputs run fast and their mutations matter more.
max_length() {
  case $1 in
    requests | predictions) echo 768 ;;
    *) echo 512 ;;
  esac
}

for target in "${targets[@]}"; do
  export FUZZ_TARGET=$target
  place=.build-fuzz/$target
  kept=Tests/Fuzz/Corpora/$target
  mkdir -p "$place/corpus" "$place/findings"
  limits=(-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$place/findings/")
  max_length=(-max_len="$(max_length "$target")")

  if [ -n "$input" ]; then
    run "$fuzz" "${limits[@]}" "${options[@]}" "$input" || exit 1
    continue
  fi
  if $merge; then
    # By coverage alone, without counters: that keeps tens of files, not thousands.
    run "$fuzz" -set_cover_merge=1 -use_counters=0 "${limits[@]}" "${max_length[@]}" "${options[@]}" \
      "$kept" "$place/corpus"
    continue
  fi
  # Without the maximum length, because some kept inputs are longer.
  run "$fuzz" "${limits[@]}" "$kept"/* >"$place/log" 2>&1 ||
    fail "$target: a kept input failed: $(sed -n 's/^Running: //p' "$place/log" | tail -n 1); see $place/log"
  log=$place/log
  status=0
  run "$fuzz" -runs="$runs" "${limits[@]}" "${max_length[@]}" \
    -dict="Tests/Fuzz/Dictionaries/$target.dict" -print_final_stats=1 "${options[@]}" \
    "$place/corpus" "$kept" \
    2>&1 | tee "$log" | grep --line-buffered -E '^#[0-9]+\s+(INITED|pulse|DONE)|^VIOLATION|ERROR|SUMMARY' ||
    status=${PIPESTATUS[0]}
  if [ "$status" != 0 ]; then
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    fail "$target: stopped by an input: ${found:-see $log}
Run it again: deploy/fuzz.sh $target --input ${found:-FILE}"
  fi
  note "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
    "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log") runs/s," \
    "peak memory $(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB, nothing found"
done
