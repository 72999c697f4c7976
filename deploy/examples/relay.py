#!/usr/bin/env python3
"""Notifies people of each job that has failed or is stale; see deploy/docs/notifications.md."""
import json, os, subprocess, sys, time, urllib.request

def notify(text):
    if slack := os.environ.get("SLACK_URL"):
        body, fields = json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(slack, body, fields), timeout=15).close()
    if address := os.environ.get("MAIL_TO"):
        mail = f"To: {address}\nSubject: {text}\n\n"
        subprocess.run(["sendmail", "-t"], input=mail, text=True, check=True)

cursor_file, last = sys.argv[1], {}
for change in map(json.loads, sys.stdin):
    job = change["data"]
    if job.get("state") in ("failed", "stale") and last.get(job["id"]) != job["state"]:
        while True:
            try:
                notify(" ".join(f"{job['state']}: {job['id']} {job.get('model') or ''}".split()))
                break
            except (OSError, subprocess.SubprocessError) as error:
                print(f"{job['id']}: {error}; trying again", file=sys.stderr, flush=True)
                time.sleep(float(os.environ.get("RETRY_SECONDS", 30)))
        last[job["id"]] = job["state"]
    with open(cursor_file + ".partial", "w") as file:
        print(change["cursor"], file=file)
    os.replace(cursor_file + ".partial", cursor_file)
