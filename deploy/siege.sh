#!/usr/bin/env bash
# Attacks a daemon of its own on this machine, and shows how long an honest request takes meanwhile, and what
# the daemon holds afterwards. The attacks are: slowhttptest in all its modes; four clients that change their
# TLS keys and do nothing else; one client that requests a large job from the jobs API many times at once; 60
# clients that request it and read nothing.
#
#   deploy/siege.sh [--seconds N] [--connections N]     for each mode; 20 s with 3000 connections by default
#
# Status 1 if a request took longer than a second or failed, if more than 400 MB of memory were taken, or if a
# descriptor is left open.
set -euo pipefail

seconds=20
connections=3000
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?} && shift 2 ;;
    --connections) connections=${2:?} && shift 2 ;;
    -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "siege.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_swift
need_build_packages
need_packages slowhttptest python3 openssl
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s

place=$(mktemp -d)
secret=whsec_$(head -c 24 /dev/urandom | base64)
ulimit -n "$(ulimit -Hn)"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout "$place/key.pem" \
  -out "$place/certificate.pem" -subj /CN=localhost 2>/dev/null
trap 'kill ${daemon:-} ${tls_daemon:-} 2>/dev/null; wait; rm -rf "$place"' EXIT
trap 'exit 130' INT TERM

# serve NAME [SETTING=VALUE...]: sets pid, port and api_port. Calls to Replicate fail: nothing listens at its
# address.
serve() {
  local name=$1
  shift
  env REPLICATE_WEBHOOK_SECRET="$secret" WEBHOOK_LISTEN=127.0.0.1:0 API_LISTEN=127.0.0.2:0 LOG_FORMAT=text \
    LOG_LEVEL=notice REPLICATE_API_TOKEN=r8_siege REPLICATE_API_URL=http://127.0.0.1:1 \
    DATABASE_URL="sqlite:$place/$name.db" "$@" .build/release/replicate-webhookd serve 2>"$place/$name.log" &
  pid=$!
  for _ in $(seq 100); do
    port=$(sed -n 's/.*listening.*address=127.0.0.1:\([0-9]*\) purpose=webhooks.*/\1/p' "$place/$name.log")
    api_port=$(sed -n 's/.*listening.*address=127.0.0.2:\([0-9]*\) purpose=api.*/\1/p' "$place/$name.log")
    [ -n "$port" ] && [ -n "$api_port" ] && return
    kill -0 $pid 2>/dev/null || fail "The daemon has ended: $(cat "$place/$name.log")"
    sleep 0.1
  done
  fail "The daemon does not listen: $(cat "$place/$name.log")"
}
serve tls TLS_CERTIFICATE="$place/certificate.pem" TLS_KEY="$place/key.pem"
tls_daemon=$pid tls_port=$port
serve jobs
daemon=$pid
url=http://127.0.0.1:$port/webhooks/replicate

# Sends a request on a new connection every 50 ms until standard input ends, then prints how many were sent
# and failed, and the slowest. The request is `delivery`, `tls` (the same over TLS), `read` or `create`;
# `large` sends one delivery of 6 MiB and ends.
honest='
import base64, hashlib, hmac, http.client, select, ssl, sys, time
kind, port, secret = sys.argv[1], int(sys.argv[2]), base64.b64decode(sys.argv[3].removeprefix("whsec_"))
def deliver(job, output=b"x", tls=False):
    body = b"{\"id\":\"%s\",\"status\":\"succeeded\",\"output\":\"%s\"}" % (job.encode(), output)
    name, moment = f"siege_{time.time_ns()}", str(int(time.time()))
    mac = base64.b64encode(hmac.digest(secret, f"{name}.{moment}.".encode() + body, hashlib.sha256)).decode()
    fields = {"webhook-id": name, "webhook-timestamp": moment, "webhook-signature": "v1," + mac}
    if tls:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=10, context=ssl._create_unverified_context())
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/webhooks/replicate", body, fields)
    return connection.getresponse().status == 200
def call(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.2", port, timeout=10)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    return connection.getresponse().status in (200, 202)
requests = {
    "delivery": lambda job: deliver(job),
    "tls": lambda job: deliver(job, tls=True),
    "read": lambda job: call("GET", "/jobs?limit=10"),
    "create": lambda job: call("POST", "/jobs", b"{\"model\":\"owner/name\",\"input\":{}}"),
}
if kind == "large":
    sys.exit(not deliver("large", b"x" * (6 << 20)))
slowest, count, failed = 0.0, 0, 0
while not select.select([sys.stdin], [], [], 0.05)[0]:
    count += 1
    start = time.monotonic()
    try:
        failed += not requests[kind](f"siege{time.time_ns()}-{count}")
    except OSError:
        failed += 1
    slowest = max(slowest, time.monotonic() - start)
print(f"{count} {failed} {slowest * 1000:.0f}")
'
# Attacks that slowhttptest does not have, for some seconds.
hostile='
import ctypes, socket, sys, threading, time
kind, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
request = b"GET /jobs/large HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n"
def connect(host, buffer=None):
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect((host, port))
    return connection
def key_updates():
    library = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(library, name).restype = ctypes.c_void_p
    def call(name, *arguments):
        return getattr(library, name)(*[ctypes.c_void_p(a) if a > 1 << 31 else a for a in arguments])
    context = call("SSL_CTX_new", call("TLS_client_method"))
    while time.monotonic() < end:
        plain = connect("127.0.0.1")
        tls = call("SSL_new", context)
        call("SSL_set_fd", tls, plain.fileno())
        if call("SSL_connect", tls) == 1:
            while call("SSL_key_update", tls, 1) == 1 and call("SSL_do_handshake", tls) == 1:
                if time.monotonic() > end:
                    break
        call("SSL_free", tls)
        plain.close()
def pipelined():
    connection = connect("127.0.0.2")
    def send():
        while time.monotonic() < end:
            connection.sendall(request * 100)
    threading.Thread(target=send, daemon=True).start()
    while time.monotonic() < end:
        connection.recv(1 << 20)
def unread():
    while time.monotonic() < end:
        readers = [connect("127.0.0.2", 4096) for _ in range(60)]
        for reader in readers:
            reader.sendall(request)
            time.sleep(0.05)
        time.sleep(min(5, max(0, end - time.monotonic())))
attack = {"key_updates": key_updates, "pipelined": pipelined, "unread": unread}[kind]
for _ in range(4 if kind == "key_updates" else 1):
    threading.Thread(target=attack).start()
'
# The descriptors and the resident KB of the daemon.
held() {
  printf '%s %s' "$(find /proc/$daemon/fd -mindepth 1 | wc -l)" \
    "$(awk '/VmRSS/ { print $2 }' /proc/$daemon/status)"
}

# The header fields of a delivery, so that the daemon waits for its body; slowhttptest sends them behind the
# content type.
signed=$'application/json\r\nwebhook-id: m\r\nwebhook-timestamp: 1700000000\r\nwebhook-signature: v1,AAAA'
status=0
printf '\n%-14s %10s %10s %12s %12s %18s\n' mode connected requests failed 'slowest ms' 'available to it'
# besiege NAME KIND PORT COMMAND...: sends honest requests of a kind while the command runs; sets count,
# failed and slowest.
besiege() {
  local name=$1 kind=$2 port=$3
  shift 3
  mkfifo "$place/stop-$name"
  python3 -c "$honest" "$kind" "$port" "$secret" <"$place/stop-$name" >"$place/honest-$name" &
  local honest_process=$!
  exec 9>"$place/stop-$name"
  "$@" >/dev/null 2>&1 || true
  exec 9>&-
  wait $honest_process
  read -r count failed slowest <"$place/honest-$name"
  if [ "$failed" != 0 ] || [ "$slowest" -ge 1000 ]; then status=1; fi
}
attack() {
  local name=$1 connected available
  shift
  besiege "$name" delivery "$port" \
    slowhttptest "$@" -c "$connections" -r 1000 -l "$seconds" -p 3 -g -o "$place/$name" -v 0
  connected=$(awk -F, 'NR > 1 && $4 > max { max = $4 } END { print max + 0 }' "$place/$name.csv")
  available=$(awk -F, 'NR > 1 { all++; if ($5 > 0) up++ } END { printf "%d of %d s", up, all }' \
    "$place/$name.csv")
  printf '%-14s %10s %10s %12s %12s %18s\n' "$name" "$connected" "$count" "$failed" "$slowest" "$available"
}
# intrude NAME KIND PORT HOSTILE CONNECTIONS
intrude() {
  besiege "$1" "$2" "$3" python3 -c "$hostile" "$4" "$3" "$seconds"
  printf '%-14s %10s %10s %12s %12s %18s\n' "$1" "$5" "$count" "$failed" "$slowest" -
}

# The first order opens the descriptors for calls to Replicate, which stay open.
sleep 1 | python3 -c "$honest" create "$api_port" "$secret" >/dev/null
read -r descriptors memory <<<"$(held)"
attack slow-headers -H -i 5 -u "$url"
attack slow-body -B -i 5 -s 100000 -f "$signed" -u "$url"
attack range -R -u "$url"
attack slow-read -X -k 5 -n 2 -w 1 -y 2 -z 1 -u "http://127.0.0.1:$port/healthz"

intrude key-updates tls "$tls_port" key_updates 4
python3 -c "$honest" large "$port" "$secret" || fail "The large delivery was refused."
intrude pipelined read "$api_port" pipelined 1
intrude unread create "$api_port" unread 60
highest=$(awk '/VmHWM/ { print $2 }' /proc/$daemon/status)

for _ in $(seq 150); do
  read -r descriptors_left memory_left <<<"$(held)"
  [ "$descriptors_left" -le "$descriptors" ] && break
  sleep 0.1
done
note ""
note "Descriptors: $descriptors before, $descriptors_left after."
note "Memory: $memory KB before, $memory_left KB after, $highest KB at most."
[ "$highest" -le 400000 ] || status=1
[ "$descriptors_left" -le "$descriptors" ] || status=1
exit $status
