#!/usr/bin/env bash
# Measures the daemon side by side with a yardstick in C, with receivers on Hummingbird, Go and FastAPI, and
# with nginx, by turns; and prints a table of targets and results in Markdown.
#
#   deploy/benchmark.sh                 everything: a quarter of an hour, and 15 GB of disk
#   deploy/benchmark.sh --quick         shorter runs, and a store of 100,000 jobs: four minutes
#   deploy/benchmark.sh --growth        only fills a new store, and draws the cost of deliveries while it grew
#   deploy/benchmark.sh --postgresql    only receivers on PostgreSQL, with and without a standby, against a
#                                       yardstick in C: half an hour
#   deploy/benchmark.sh --page          only the page of the jobs API in headless Chromium: with a million
#                                       jobs stored, and while 500 of them change a second: ten minutes
#   deploy/benchmark.sh --archive       only kept files: acknowledgements beside them, and their highest rate
#                                       against curl and fsync: eight minutes
#   deploy/benchmark.sh --workflows     only workflows: against as many jobs, and acknowledgements beside
#                                       them: six minutes
#   … --only NAME…                      only these measurements: deliveries one_connection tls memory
#                                       streams callbacks large_store; with --postgresql: local receivers
#                                       distance loads standby size; with --page: loads changes; with
#                                       --archive: beside rate; with --workflows:
#                                       throughput beside. The table is printed, and is no replacement
#                                       for the whole one: not with --output
#   … --output FILE                     writes the table there too; between the marks of a file that has them
#   … --place FOLDER                    the folder for databases (.build/benchmark/place)
#
# Builds come first, and take about as long on a new machine. A peer that cannot be installed is left out, and
# the table names it. The store of a million jobs is kept for the next run. Status 1 if something could not be
# measured.
set -euo pipefail

output=
place=
options=()
growth=
postgresql=
page=
archive=
workflows=
only=()
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) options+=(--quick) && shift ;;
    --postgresql) postgresql=yes && options+=(--postgresql) && shift ;;
    --growth) growth=yes && options+=(--growth) && shift ;;
    --page) page=yes && options+=(--page) && shift ;;
    --archive) archive=yes && options+=(--archive) && shift ;;
    --workflows) workflows=yes && options+=(--workflows) && shift ;;
    --only)
      shift
      while [ $# -gt 0 ] && [[ $1 != -* ]]; do only+=("$1") && shift; done
      [ ${#only[@]} -gt 0 ] || {
        echo "benchmark.sh: --only takes the names of measurements (try --help)" >&2 && exit 64
      }
      ;;
    --output) output=$(realpath -m "${2:?}") && shift 2 ;;
    --place) place=$(realpath -m "${2:?}") && shift 2 ;;
    -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "benchmark.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

for name in "${only[@]}"; do
  known="deliveries one_connection tls memory streams callbacks large_store"
  [ -z "$postgresql" ] || known="local receivers distance loads standby size"
  [ -z "$page" ] || known="loads changes"
  [ -z "$archive" ] || known="beside rate"
  [ -z "$workflows" ] || known="throughput beside"
  [[ " $known " == *" $name "* ]] || {
    echo "benchmark.sh: --only: there is no measurement '$name'; there are: $known" >&2 && exit 64
  }
  options+=(--only "$name")
done
[ ${#only[@]} = 0 ] || [ -z "$output" ] || {
  echo "benchmark.sh: --only measures a part, which --output would put in place of the whole table" >&2
  exit 64
}
kinds=("$growth" "$postgresql" "$page" "$archive" "$workflows")
[[ "${kinds[*]}" != *yes*yes* ]] || {
  echo "benchmark.sh: give one of --growth, --postgresql, --page, --archive and --workflows" >&2 && exit 64
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages python3 gcc git
[ -z "$postgresql" ] || need_postgresql
[ -z "$page" ] || need_packages chromium chromium-driver
[ -z "$archive" ] || need_packages curl
build=$PWD/.build/benchmark
place=${place:-$build/place}
mkdir -p "$build" "$place"
# Client and daemon both hold 10,000 idle connections.
ulimit -n "$(ulimit -Hn)"

# Standard output is reserved for the table.
exec 3>&1 1>&2
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
run swift build -c release --static-swift-stdlib --product webhook-bench
[ -z "$archive$workflows" ] ||
  run swift build -c release --static-swift-stdlib --product replicate-simulator -Xlinker -s
run gcc -O2 -Wall -Wextra -Werror -I"$(pg_config --includedir)" -o "$build/yardstick" \
  deploy/benchmark/yardstick.c deploy/benchmark/yardstick_postgresql.c -lcrypto -lsqlite3 -lpq -lpthread
run gcc -O2 -Wall -Wextra -Werror -o "$build/relay" deploy/benchmark/relay.c

# Runs the builder of a peer. If it fails, the peer is left out for that reason.
peer() {
  local name=$1 reason=$2
  shift 2
  if ! "$@" >"$build/$name.log" 2>&1; then
    note "$name is left out: $reason. See $build/$name.log."
    options+=(--left-out "$name=$reason")
  fi
}

build_hummingbird() {
  swift build -c release --package-path deploy/benchmark/hummingbird-grdb \
    --scratch-path "$build/hummingbird-grdb"
}

# Debian's packages install the sources as a GOPATH.
build_go() {
  (need_packages golang-go golang-github-mattn-go-sqlite3-dev) &&
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$build/go-cache" \
      go build -tags libsqlite3 -o "$build/go-receiver" deploy/benchmark/go/receiver.go
}

build_fastapi() {
  local python=$build/fastapi/bin/python
  "$python" -c 'import fastapi, standardwebhooks, uvicorn, uvloop, httptools' && return
  (need_packages python3-venv) && python3 -m venv --clear "$build/fastapi" &&
    "$python" -m pip install --quiet --disable-pip-version-check fastapi 'uvicorn[standard]' standardwebhooks
}

# Unpacked, not installed: the package would start a server on port 80.
find_nginx() {
  nginx=$(PATH=$PATH:/usr/sbin command -v nginx || echo "$build/nginx/usr/sbin/nginx")
  [ -x "$nginx" ] && return
  as_root apt-get update -qq &&
    (cd "$build" && apt-get download nginx && dpkg -x nginx_*.deb nginx) && "$nginx" -v
}

if [ -z "$growth$postgresql$page$archive$workflows" ]; then
  note ""
  note "Building the peers; their output is in $build/*.log."
  peer hummingbird "it does not build here" build_hummingbird
  peer go "Go or its SQLite driver is not available here" build_go
  peer fastapi "its packages are not available here" build_fastapi
  peer nginx "its package is not available here" find_nginx
  [ -x "${nginx:-}" ] && options+=(--nginx "$nginx")
fi
export PYTHONDONTWRITEBYTECODE=1
exec python3 deploy/benchmark/measure.py --build "$build" --place "$place" \
  --figure deploy/docs/benchmark-growth ${output:+--output "$output"} "${options[@]}" >&3
