#!/usr/bin/env bash
# From a fresh checkout to the first output, without an account and without a tunnel. Builds the daemon and a
# simulator of Replicate, starts both on this machine alone, creates a job, and shows its progress, its output
# (a picture) and its history.
#
#   deploy/quickstart.sh          keeps serving until Ctrl-C
#   deploy/quickstart.sh --once   ends after the check; status 0 only if the job is `succeeded`
set -euo pipefail

once=false
case "${1:-}" in
  "") ;;
  --once) once=true ;;
  -h | --help)
    sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *)
    echo "quickstart.sh: unknown argument: $1 (there is --once)" >&2
    exit 64
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh

need_swift
need_build_packages
need_packages curl ca-certificates

note ""
note "Building. The first build also compiles the command-line library and takes one to three minutes; later"
note "ones take seconds."
name_commit
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
run swift build -c release --static-swift-stdlib --product replicate-simulator -Xlinker -s
binaries=.build/release

# Everything that this run writes: readable only by you, and removed at its end.
place=$(mktemp -d "${TMPDIR:-/tmp}/replicate-quickstart.XXXXXX")
simulator='' daemon=''
clean_up() {
  local process
  for process in $daemon $simulator; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Prints a command as one would type it, to run beside this script.
show() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

note ""
note "Starting the simulator of Replicate on a free port."
show "$binaries/replicate-simulator --listen 127.0.0.1:0 &"
"$binaries/replicate-simulator" --listen 127.0.0.1:0 --quiet >"$place/simulator" &
simulator=$!
for _ in $(seq 100); do
  [ -s "$place/simulator" ] && break
  kill -0 $simulator 2>/dev/null || fail "The simulator has ended; the lines above have the cause."
  sleep 0.1
done
replicate=$(cat "$place/simulator")
[ -n "$replicate" ] || fail "The simulator has not started within 10 seconds: is this machine very busy?"
note "$replicate"

# A free pair of ports: the daemon's defaults, or the next free ones.
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=8080
until is_free $port && is_free $((port + 1)); do
  port=$((port + 2))
  [ $port -lt 8180 ] || fail "No free pair of ports between 8080 and 8180: stop a program that listens there."
done
api=http://127.0.0.1:$((port + 1))

# With Replicate itself, REPLICATE_API_TOKEN is your own, REPLICATE_API_URL is not set, and PUBLIC_URL begins
# with https.
cat >"$place/env" <<END
REPLICATE_API_TOKEN=any-token-will-do-here
REPLICATE_API_URL=$replicate
PUBLIC_URL=http://127.0.0.1:$port
WEBHOOK_LISTEN=127.0.0.1:$port
API_LISTEN=127.0.0.1:$((port + 1))
DATABASE_URL=sqlite:$place/jobs.db
LOG_FORMAT=text
END

note ""
note "Starting the daemon. Its settings:"
run cat "$place/env"
show "$binaries/replicate-webhookd serve --env-file $place/env &"
# Without your environment, whose settings would override the file. In a session of its own, so that Ctrl-C
# does not reach it beside the signal that this script sends: a second signal would close connections that the
# first one drains.
setsid env -i PATH="$PATH" "$binaries/replicate-webhookd" serve --env-file "$place/env" &
daemon=$!
ready=false
for _ in $(seq 100); do
  kill -0 $daemon 2>/dev/null || fail "The daemon has ended; its last lines have the cause."
  if curl -fsS -m 5 -o /dev/null "$api/readyz" 2>/dev/null; then
    ready=true
    break
  fi
  sleep 0.1
done
$ready || fail "The daemon is not ready within 10 seconds; its lines above may have the cause."

note ""
note "Your app sends a job. The daemon writes it to disk, answers, and creates the prediction:"
run curl -sS -m 10 "$api/jobs" -H "Content-Type: application/json" \
  -d '{"id": "first", "model": "demo/image", "input": {"prompt": "a desk lamp"}}'

# The first text or number of that name in a job's document.
member() { sed -n "s/.*\"$1\":\"\{0,1\}\([A-Za-z0-9._-]*\).*/\1/p" <<<"$job"; }

note ""
note "Webhooks report the progress to the daemon, a log line each, and your app polls:"
show "curl -sS $api/jobs/first    # twice a second; state and progress are shown"
state=
for _ in $(seq 60); do
  job=$(curl -sS -m 10 "$api/jobs/first") || fail "The daemon does not answer; see its last lines."
  state=$(member state)
  printf '%-10s %s\n' "$state" "$(member progress)"
  case $state in succeeded | failed | canceled) break ;; esac
  sleep 0.5
done

note ""
note "The job, with its input, its output and its times:"
run curl -sS -m 10 "$api/jobs/first"
note ""
note "Its history: what each message from Replicate changed:"
run "$binaries/replicate-webhookd" job first --history --api "$api"

[ "$state" = succeeded ] || fail "The job is ${state:-unknown}, and should have succeeded by now."
picture=$(sed -n 's/.*"output":\["\([^"]*\)".*/\1/p' <<<"$job")
note ""
note "Its output is a picture, which the simulator serves:"
run curl -sS -m 10 -o "$place/picture.png" -w '%{content_type}, %{size_download} bytes\n' --fail "$picture"
note ""
note "Jobs can follow from each other. This workflow describes the picture that it has made:"
run cat deploy/examples/chain.json
run "$binaries/replicate-webhookd" workflow run deploy/examples/chain.json -i prompt='two herons' --api "$api"
note ""
if $once; then
  note "The job and the workflow have succeeded. Done."
  exit 0
fi
note "Still serving: jobs on $api/jobs, the simulator on $replicate."
note "Ctrl-C ends both, and deletes $place."
note "Try demo/fail, demo/tokens, demo/audio or demo/slow as the model."
note "\`$binaries/replicate-simulator --help\` lists all models."
note "See your jobs, and the picture, in a browser: $api/"
wait $daemon
