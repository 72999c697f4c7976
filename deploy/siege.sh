#!/usr/bin/env bash
# Attacks a daemon of its own on this machine with slowhttptest in all its modes, and shows how long an honest
# delivery takes meanwhile, and what the daemon holds afterwards.
#
#   deploy/siege.sh [--seconds N] [--connections N]     of each mode: 20 s with 3000 connections unless said otherwise
#
# Status 1 where a delivery took longer than a second or was not acknowledged, or where a descriptor is left open.
set -euo pipefail

seconds=20
connections=3000
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?} && shift 2 ;;
    --connections) connections=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "siege.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages slowhttptest python3
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s

place=$(mktemp -d)
secret=whsec_$(head -c 24 /dev/urandom | base64)
ulimit -n "$(ulimit -Hn)"
REPLICATE_WEBHOOK_SECRET=$secret WEBHOOK_LISTEN=127.0.0.1:0 API_LISTEN=127.0.0.2:0 LOG_FORMAT=text \
  DATABASE_URL=sqlite:$place/jobs.db .build/release/replicate-webhookd serve 2>"$place/log" &
daemon=$!
trap 'kill $daemon 2>/dev/null; wait $daemon 2>/dev/null || true; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM
for _ in $(seq 100); do
  port=$(sed -n 's/.*listening.*address=127.0.0.1:\([0-9]*\) purpose=webhooks.*/\1/p' "$place/log")
  [ -n "$port" ] && break
  kill -0 $daemon 2>/dev/null || fail "The daemon has ended: $(cat "$place/log")"
  sleep 0.1
done
url=http://127.0.0.1:$port/webhooks/replicate

# Sends a delivery on a new connection every 50 ms until standard input ends, then says how they fared.
honest='
import base64, hashlib, hmac, http.client, select, sys, time
port, secret = int(sys.argv[1]), base64.b64decode(sys.argv[2].removeprefix("whsec_"))
slowest, count, failed = 0.0, 0, 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    count += 1
    body = b"{\"id\":\"siege%d-%d\",\"status\":\"succeeded\",\"output\":\"x\"}" % (time.time(), count)
    name, moment = f"siege_{time.time_ns()}", str(int(time.time()))
    mac = base64.b64encode(hmac.digest(secret, f"{name}.{moment}.".encode() + body, hashlib.sha256)).decode()
    start = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/webhooks/replicate", body, {
            "webhook-id": name, "webhook-timestamp": moment, "webhook-signature": "v1," + mac})
        failed += connection.getresponse().status != 200
        connection.close()
    except OSError:
        failed += 1
    slowest = max(slowest, time.monotonic() - start)
print(f"{count} {failed} {slowest * 1000:.0f}")
'
held() { printf '%s %s' "$(find /proc/$daemon/fd -mindepth 1 | wc -l)" "$(awk '/VmRSS/ { print $2 }' /proc/$daemon/status)"; }

# Fields that a delivery has, so that its body is waited for; slowhttptest sends them behind the content type.
signed=$'application/json\r\nwebhook-id: m\r\nwebhook-timestamp: 1700000000\r\nwebhook-signature: v1,AAAA'
status=0
printf '\n%-14s %10s %10s %12s %12s %18s\n' mode connected deliveries failed 'slowest ms' 'available to it'
attack() {
  local name=$1
  shift
  mkfifo "$place/stop-$name"
  python3 -c "$honest" "$port" "$secret" <"$place/stop-$name" >"$place/honest-$name" &
  local honest_process=$!
  exec 9>"$place/stop-$name"
  slowhttptest "$@" -c "$connections" -r 1000 -l "$seconds" -p 3 -g -o "$place/$name" -v 0 >/dev/null 2>&1 || true
  exec 9>&-
  wait $honest_process
  local count failed slowest connected available
  read -r count failed slowest <"$place/honest-$name"
  connected=$(awk -F, 'NR > 1 && $4 > most { most = $4 } END { print most + 0 }' "$place/$name.csv")
  available=$(awk -F, 'NR > 1 { all++; if ($5 > 0) up++ } END { printf "%d of %d s", up, all }' "$place/$name.csv")
  printf '%-14s %10s %10s %12s %12s %18s\n' "$name" "$connected" "$count" "$failed" "$slowest" "$available"
  if [ "$failed" != 0 ] || [ "$slowest" -ge 1000 ]; then status=1; fi
}

read -r descriptors memory <<<"$(held)"
attack slow-headers -H -i 5 -u "$url"
attack slow-body -B -i 5 -s 100000 -f "$signed" -u "$url"
attack range -R -u "$url"
attack slow-read -X -k 5 -n 2 -w 1 -y 2 -z 1 -u "http://127.0.0.1:$port/healthz"

for _ in $(seq 150); do
  read -r descriptors_left memory_left <<<"$(held)"
  [ "$descriptors_left" -le "$descriptors" ] && break
  sleep 0.1
done
say ""
say "Descriptors: $descriptors before, $descriptors_left after. Memory: $memory KB before, $memory_left KB after."
[ "$descriptors_left" -le "$descriptors" ] || status=1
exit $status
