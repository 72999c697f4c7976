#!/usr/bin/env bash
# From a fresh checkout to the first job: builds the daemon, starts it on a database of
# its own, sends it the deliveries of one invented prediction, and shows the job.
#
#   deploy/quickstart.sh          keeps serving until Ctrl-C
#   deploy/quickstart.sh --once   ends after the check; status 0 only if the job is `succeeded`
set -euo pipefail

once=false
case "${1:-}" in
  "") ;;
  --once) once=true ;;
  -h | --help)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
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

say ""
say "Building. The first time this compiles the command-line library too and takes a minute or three; later, seconds."
run swift build -c release --static-swift-stdlib --product replicate-webhookd -Xlinker -s
binary=.build/release/replicate-webhookd

# A free pair of ports: the defaults, or the next ones.
is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=8080
until is_free $port && is_free $((port + 1)); do
  port=$((port + 2))
  [ $port -lt 8180 ] || fail "No free pair of ports between 8080 and 8180: end something that listens there."
done

# Settings for this run alone: a fresh secret, readable by you only.
place=.build/quickstart
mkdir -p "$place"
chmod 700 "$place"
(
  umask 077
  cat >"$place/env" <<EOF
REPLICATE_WEBHOOK_SECRET=whsec_$(head -c 24 /dev/urandom | base64)
WEBHOOK_LISTEN=127.0.0.1:$port
API_LISTEN=127.0.0.1:$((port + 1))
DATABASE_URL=sqlite:$place/jobs.db
LOG_FORMAT=text
EOF
)

say ""
say "Starting the daemon with the settings in $place/env."
printf '\n\033[1m$ %s\033[0m\n' "$binary serve --env-file $place/env &"
"$binary" serve --env-file "$place/env" &
daemon=$!
trap 'kill $daemon 2>/dev/null; wait $daemon 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

api=http://127.0.0.1:$((port + 1))
for _ in $(seq 100); do
  kill -0 $daemon 2>/dev/null || fail "The daemon has ended; its last lines say why."
  curl -fsS -o /dev/null "$api/readyz" 2>/dev/null && break
  sleep 0.1
done

say ""
say "Replicate would now deliver the life of a prediction. Here, the daemon's own command signs and sends one."
id=quickstart$(head -c 6 /dev/urandom | od -An -tx1 | tr -d ' \n')
run "$binary" send "http://127.0.0.1:$port/webhooks/replicate" --scenario happy --id "$id" --env-file "$place/env"

say ""
say "Your app asks for the job, by the prediction's id:"
run curl -sS "$api/jobs/$id"
curl -sS "$api/jobs/$id" | grep -q '"state":"succeeded"' || fail "The job is not succeeded: something is wrong here."

if $once; then
  say ""
  say "The job is succeeded. Done."
  exit 0
fi
say ""
say "Still serving: deliveries on http://127.0.0.1:$port/webhooks/replicate, jobs on $api/jobs. Ctrl-C ends it."
wait $daemon
