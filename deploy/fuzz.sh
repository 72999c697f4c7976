#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer: builds them so that they tell which ways an input takes, and feeds them what is
# made of the kept inputs in Tests/Fuzzing/Corpora.
#
#   deploy/fuzz.sh                      a million inputs for each target, one target after the other
#   deploy/fuzz.sh TARGET               for one: requests, signatures, json, predictions
#   deploy/fuzz.sh TARGET --runs N      N inputs; 0 ends after the kept ones, -1 goes on until Ctrl-C
#   deploy/fuzz.sh TARGET --input FILE  runs one input, such as one that a run has reported
#   deploy/fuzz.sh TARGET --merge       adds to the kept inputs as few of the found ones as take every way that was found
#   deploy/fuzz.sh … --address          with AddressSanitizer: finds misuse of memory and leaks, five times slower
#
# What is after -- goes to libFuzzer as it is (-help=1 lists what it takes), for example: -- -seed=1 -use_value_profile=1
# Found inputs stay in .build-fuzz/TARGET, so that the next run goes on from them. Status 1: an input broke a rule,
# crashed, took more than 10 s or more than 1 GB; its file is named at the end. Keep it among the corpora once it is
# mended, and `swift test --filter FuzzRegressionTests` checks it ever after.
set -euo pipefail

usage() { sed -n '2,16s/^# \{0,1\}//p' "$0"; }

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

# The checks of the release build stay: a trap is what is looked for.
export FUZZING=1
run swift build -c release --scratch-path "$build" "${sanitizer[@]}" --product fuzz
fuzz=$build/release/fuzz
# Swift would print its own report of a trap, and libFuzzer would never see it.
export SWIFT_BACKTRACE=enable=no

# As short as the rules of a target allow, for short inputs are fast and their changes count.
longest() {
  case $1 in
    requests | predictions) echo 768 ;;
    *) echo 512 ;;
  esac
}

for target in "${targets[@]}"; do
  export FUZZ_TARGET=$target
  place=.build-fuzz/$target
  kept=Tests/Fuzzing/Corpora/$target
  mkdir -p "$place/corpus" "$place/findings"
  limits=(-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$place/findings/")
  longest=(-max_len="$(longest "$target")")

  if [ -n "$input" ]; then
    run "$fuzz" "${limits[@]}" "${options[@]}" "$input" || exit 1
    continue
  fi
  if $merge; then
    # By ways through the code alone, and not by how often they are taken: that keeps tens of files, not thousands.
    run "$fuzz" -set_cover_merge=1 -use_counters=0 "${limits[@]}" "${longest[@]}" "${options[@]}" "$kept" "$place/corpus"
    continue
  fi
  # As they are, for some are longer than what is made of them.
  run "$fuzz" "${limits[@]}" "$kept"/* >"$place/log" 2>&1 ||
    fail "$target: a kept input stopped it: $(sed -n 's/^Running: //p' "$place/log" | tail -n 1); see $place/log"
  log=$place/log
  status=0
  run "$fuzz" -runs="$runs" "${limits[@]}" "${longest[@]}" -dict="Tests/Fuzzing/Dictionaries/$target.dict" \
    -print_final_stats=1 "${options[@]}" "$place/corpus" "$kept" \
    2>&1 | tee "$log" | grep --line-buffered -E '^#[0-9]+\s+(INITED|pulse|DONE)|^VIOLATION|ERROR|SUMMARY' ||
    status=${PIPESTATUS[0]}
  if [ "$status" != 0 ]; then
    found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    fail "$target: stopped by an input: ${found:-see $log}
Run it again: deploy/fuzz.sh $target --input ${found:-FILE}"
  fi
  say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs," \
    "$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log") runs/s," \
    "peak memory $(sed -n 's/^stat::peak_rss_mb: *//p' "$log") MB, nothing found"
done
