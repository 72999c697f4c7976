#!/usr/bin/env bash
# Counts the instructions that the release daemon executes for a delivery, and for a read of a job, under
# callgrind. The figures do not depend on the clock, and little on other load of the machine, so they show a
# change that makes one of them more expensive.
#
#   deploy/instructions.sh                 prints the figures; status 1 if one is above its limit
#   deploy/instructions.sh --bound N       with another limit for deliveries
#   deploy/instructions.sh --read-bound N  with another limit for reads
#
# Valgrind's processor has no SHA instructions, so more than two fifths of a delivery's figure are the two
# passes of SHA-256 over the body.
set -euo pipefail

# 0.6 % above 344,960 for bodies of 2,500 bytes, of which 10,000 are the line in the log. It varies by 1 %,
# with the number of deliveries in a commit.
bound=347000
# 0.4 % above 99,000, for jobs with such bodies, over keep-alive connections. It varies by less.
read_bound=99400
while [ $# -gt 0 ]; do
  case "$1" in
    --bound) bound=${2:?} && shift 2 ;;
    --read-bound) read_bound=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "instructions.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages valgrind openssl

# Stripped, because valgrind does not understand Swift's debug information. The client's build does not
# matter.
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
run swift build --product webhook-bench

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cat >"$place/daemon" <<SCRIPT
#!/bin/sh
ulimit -n 1024
exec valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file=$place/count \
  $PWD/.build/release/replicate-webhookd "\$@"
SCRIPT
chmod +x "$place/daemon"

# The instructions of a whole run with that many requests, its start and end included. Further arguments
# select the requests.
count() {
  .build/debug/webhook-bench --daemon "$place/daemon" --deliveries "$1" "${@:2}" --connections 64 \
    --ids sequential --seed 1 --json >"$place/result" || fail "The benchmark failed: $(cat "$place/result")"
  awk '/Collected/ { print $4 }' "$place/count"
}

# The instructions of one request: what 2,500 of them take more than 500.
count_each() {
  local few many
  few=$(count 500 "$@")
  many=$(count 2500 "$@")
  echo $(((many - few) / 2000))
}

# The lowest of up to three measurements, until one is within the limit. Smaller commits, on a machine that
# does other work, only add instructions.
lowest() {
  local limit=$1 least= next
  for _ in 1 2 3; do
    next=$(count_each "${@:2}")
    if [ -z "$least" ] || [ "$next" -lt "$least" ]; then least=$next; fi
    [ "$least" -gt "$limit" ] || break
  done
  echo "$least"
}

each=$(lowest "$bound")
# Another daemon stores the jobs before; its count is overwritten.
read_each=$(lowest "$read_bound" --scenario reads --jobs 200)
note ""
note "$each instructions a delivery; the limit is $bound."
note "$read_each instructions a read; the limit is $read_bound."
[ "$each" -le "$bound" ] && [ "$read_each" -le "$read_bound" ]
