#!/usr/bin/env bash
# Checks the alert rules, their tests, the dashboard and the metrics with promtool, Prometheus' own tool.
#
#   deploy/monitoring/check.sh            the files of this folder
#   deploy/monitoring/check.sh PROGRAM    and the metrics of that replicate-webhookd, which it starts
#
# It fails if an alert has no test, if the rules or the dashboard use a metric that the README does not
# describe, or if a runbook is missing.
# promtool is taken from PATH. If it is missing, it is unpacked from Debian's package into .build: installing
# that package would start a Prometheus server.
set -euo pipefail

case "${1:-}" in
  -h | --help) sed -n '2,/^set -euo/s/^# \{0,1\}//p' "$0" && exit 0 ;;
  -*) echo "check.sh: unknown argument: $1 (try --help)" >&2 && exit 64 ;;
esac
program=${1:+$(realpath "$1")}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=deploy/prerequisites.sh
. deploy/prerequisites.sh
need_packages curl python3

promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
  promtool=$PWD/.build/promtool/usr/bin/promtool
  if ! [ -x "$promtool" ]; then
    command -v apt-get >/dev/null || fail "promtool is missing: install Prometheus, then start this again."
    mkdir -p .build/promtool
    note "Unpacking promtool"
    (cd .build/promtool && apt-get download -qq prometheus &&
      dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm prometheus_*.deb)
  fi
fi

folder=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true; rm -rf "$folder"' EXIT

"$promtool" check rules deploy/monitoring/alerts.yml
"$promtool" test rules deploy/monitoring/alerts-test.yml

# The queries of the dashboard become rules, so that promtool parses them.
python3 - "$folder/queries.yml" <<'PYTHON'
import json
import pathlib
import re
import sys

here = pathlib.Path("deploy/monitoring")
readme = pathlib.Path("README.md").read_text()
runbooks = pathlib.Path("deploy/docs/monitoring.md").read_text()
rules = (here / "alerts.yml").read_text()
tests = (here / "alerts-test.yml").read_text()
problems = []

alerts = re.findall(r"- alert: (\w+)", rules)
for alert in alerts:
    part = rules.split(f"- alert: {alert}\n")[1].split("- alert:")[0]
    for field in ("expr:", "for:", "severity:", "summary:", "runbook:"):
        if field not in part:
            problems.append(f"{alert} has no {field[:-1]}")
    if f"monitoring.md#{alert.lower()}\n" not in part:
        problems.append(f"the runbook of {alert} is not deploy/docs/monitoring.md#{alert.lower()}")
    if f"\n### {alert}\n" not in runbooks:
        problems.append(f"deploy/docs/monitoring.md has no section {alert}")
    cases = re.findall(rf"- alertname: {alert}\n +eval_time: \w+\n( +exp_alerts:)?", tests)
    if not any(cases) or all(cases):
        problems.append(f"alerts-test.yml has no case where {alert} fires, or none where it is silent")
for heading in re.findall(r"\n### (\w+)\n", runbooks):
    if heading not in alerts:
        problems.append(f"deploy/docs/monitoring.md describes {heading}, which is no alert")

queries = []
for panel in json.loads((here / "dashboard.json").read_text())["panels"]:
    queries += [target["expr"] for target in panel.get("targets", [])]
for name in re.findall(r"\b(?:replicate_webhookd|process)_\w+", rules + "\n".join(queries)):
    known = re.sub(r"_(bucket|sum|count)$", "", name.removeprefix("replicate_webhookd_"))
    if f"`{known}`" not in readme:
        problems.append(f"the README does not describe the metric {name}")

with open(sys.argv[1], "w") as file:
    groups = [{"name": "dashboard", "rules": [
        {"record": f"query:{number}",
         "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for number, query in enumerate(queries)]}]
    json.dump({"groups": groups}, file)
if problems:
    sys.exit("check.sh: " + "\ncheck.sh: ".join(sorted(set(problems))))
PYTHON
"$promtool" check rules "$folder/queries.yml"

[ -n "$program" ] || exit 0

# The first scrape, so what exists only after its first event is missing.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$folder/files"
(cd "$folder" && exec env -i PATH="$PATH" DATABASE_URL=sqlite:jobs.db \
  REPLICATE_WEBHOOK_SECRET=whsec_bW9uaXRvcmluZy1jaGVjay1zZWNyZXQtMDE= \
  WEBHOOK_LISTEN=127.0.0.1:0 API_LISTEN="127.0.0.1:$port" CALLBACK_URL=http://127.0.0.1:9/ \
  ARCHIVE="file:$folder/files" "$program" serve >log 2>&1) &
daemon=$!
curl -fsS --retry 50 --retry-delay 1 --retry-connrefused -o "$folder/metrics" \
  "http://127.0.0.1:$port/metrics" ||
  { cat "$folder/log" >&2 && fail "$program does not serve its metrics."; }
"$promtool" check metrics <"$folder/metrics"

# Each of these would be "no data" instead of 0 on a dashboard, and an alert on it would miss the first event.
for series in 'jobs{state="pending"}' 'jobs{state="stale"}' 'deliveries_total{outcome="applied"}' \
  'refusals_total{code="signature_mismatch"}' 'orders{stage="queued"}' 'orders{stage="placed"}' \
  'provider_calls_total{call="create",outcome="refused",status="401"}' \
  'job_ends_total{model="",state="failed",code=""}' 'orders_oldest_seconds' \
  'creates_paused{reason="unauthorized"}' \
  'callbacks_total{outcome="failed"}' 'archive_paused{reason="store_full"}'; do
  grep -qF "replicate_webhookd_$series 0" "$folder/metrics" ||
    fail "replicate_webhookd_$series is missing from the first scrape."
done
echo "SUCCESS: $(grep -c '^# TYPE' "$folder/metrics") metrics"
