#!/usr/bin/env bash
# Sends the same requests to this server, nginx, Apache and Go over loopback, and compares their answers.
# Installs the three, so it is not part of the tests. Options are passed to http-conformance: try --only
# chunked.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

need_swift
need_build_packages
need_packages curl python3

folder=$(mktemp -d)
chmod 755 "$folder"
started=()
cleanup() {
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

# free_port: a port that the system has just allocated and released.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME COMMAND…: in the background, with its output in NAME.log.
start() {
  local name=$1
  shift
  "$@" >"$folder/$name.log" 2>&1 &
  started+=($!)
}

# wait_for NAME PORT: until the server answers, for at most 15 seconds. Its port may be open before that.
wait_for() {
  local name=$1 port=$2
  for _ in $(seq 150); do
    curl --silent --fail --max-time 5 --output "$folder/answer" "http://127.0.0.1:$port/healthz" && return
    sleep 0.1
  done
  cat "$folder/$name.log" >&2
  fail "$name did not start."
}

# try_package NAME: false, with a line about it, where it cannot be installed.
try_package() {
  if (need_packages "$1"); then return; fi
  note "Left out: $1 cannot be installed here."
  return 1
}

servers=()
tags=()
versions=()
mkdir -p "$folder/files" "$folder/bodies"
printf 'ok\n' >"$folder/files/healthz"

if try_package golang-go; then
  go_port=$(free_port)
  cp Tests/Conformance/peers/server.go "$folder/server.go"
  (cd "$folder" && HOME=$folder GOFLAGS=-mod=mod GO111MODULE=off go build -o go-server server.go)
  start go "$folder/go-server" "127.0.0.1:$go_port" "$folder/files/healthz"
  wait_for go "$go_port"
  servers+=("go=127.0.0.1:$go_port")
  tags+=(--entity-tag "go=127.0.0.1:$go_port/healthz")
  versions+=("$(go version)")
fi

if try_package nginx; then
  nginx_port=$(free_port)
  inner_port=$(free_port)
  sed -e "s|@FOLDER@|$folder|g" -e "s|@PORT@|$nginx_port|g" -e "s|@INNER@|$inner_port|g" \
    Tests/Conformance/peers/nginx.conf >"$folder/nginx.conf"
  start nginx nginx -p "$folder" -c "$folder/nginx.conf" -e stderr
  wait_for nginx "$nginx_port"
  servers+=("nginx=127.0.0.1:$nginx_port")
  tags+=(--entity-tag "nginx=127.0.0.1:$nginx_port/healthz")
  versions+=("$(nginx -v 2>&1)")
fi

if try_package apache2; then
  apache_port=$(free_port)
  sed -e "s|@FOLDER@|$folder|g" -e "s|@PORT@|$apache_port|g" \
    Tests/Conformance/peers/apache.conf >"$folder/apache.conf"
  cp Tests/Conformance/peers/read-body.cgi "$folder/read-body.cgi"
  chmod 755 "$folder/read-body.cgi"
  start apache apache2 -D FOREGROUND -f "$folder/apache.conf"
  wait_for apache "$apache_port"
  servers+=("apache=127.0.0.1:$apache_port")
  tags+=(--entity-tag "apache=127.0.0.1:$apache_port/healthz")
  versions+=("$(apache2 -v | head -n 1)")
fi

run swift build --product replicate-webhookd
run swift build --product http-conformance
binaries=$(swift build --show-bin-path)
daemon_port=$(free_port)
start daemon env REPLICATE_WEBHOOK_SECRET=whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD \
  WEBHOOK_LISTEN="127.0.0.1:$daemon_port" API_LISTEN="127.0.0.1:$(free_port)" MAX_BODY=64KiB \
  DATABASE_URL="sqlite:$folder/jobs.db" LOG_LEVEL=error "$binaries/replicate-webhookd" serve
wait_for daemon "$daemon_port"

printf '%s\n' "" "Compared:" "- replicate-webhookd at $(git rev-parse --short HEAD)" "${versions[@]/#/- }" ""
status=0
"$binaries/http-conformance" "daemon=127.0.0.1:$daemon_port" "${servers[@]}" --daemon daemon \
  "${tags[@]}" "$@" || status=$?
# Status 1 means that some server failed some case, which the table shows.
[ "$status" -le 1 ]
