#!/usr/bin/env bash
# Counts the instructions that the release daemon spends on a delivery, and on a read of a job, under callgrind: figures that
# do not depend on the clock or on what else the machine does, so a change that makes one of them dearer shows in it.
#
#   deploy/instructions.sh                 prints the figures; status 1 where one is above its bound
#   deploy/instructions.sh --bound N       with another bound for deliveries
#   deploy/instructions.sh --read-bound N  with another bound for reads
#
# Valgrind's processor has no SHA instructions, so more than two fifths of a delivery's figure are the two passes of SHA-256
# over the body.
set -euo pipefail

# A twenty-fifth above what was measured last: 329,000 for bodies of 2,500 bytes, of which 10,000 for the line in the log. It
# goes up and down by one in a hundred, with how many deliveries a commit takes.
bound=342000
# The same above 92,300, for jobs that rest on such bodies, over connections that are kept.
read_bound=96000
while [ $# -gt 0 ]; do
  case "$1" in
    --bound) bound=${2:?} && shift 2 ;;
    --read-bound) read_bound=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "instructions.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages valgrind openssl

# Stripped, for valgrind does not understand Swift's debug information. The client's build does not matter.
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

# What a run with so many requests takes in all, its start and end included. Further arguments say which requests.
count() {
  .build/debug/webhook-bench --daemon "$place/daemon" --deliveries "$1" "${@:2}" --connections 64 --ids sequential \
    --seed 1 --json >"$place/result" || fail "The benchmark failed: $(cat "$place/result")"
  awk '/Collected/ { print $4 }' "$place/count"
}

few=$(count 500)
many=$(count 2500)
each=$(((many - few) / 2000))
# The jobs are stored by a daemon of their own before, whose count is written over.
few=$(count 500 --scenario reads --jobs 200)
many=$(count 2500 --scenario reads --jobs 200)
read_each=$(((many - few) / 2000))
say ""
say "$each instructions a delivery; the bound is $bound."
say "$read_each instructions a read; the bound is $read_bound."
[ "$each" -le "$bound" ] && [ "$read_each" -le "$read_bound" ]
