"""A receiver from tutorials, with all of their advice: the signature by the library, each delivery once, one
committed transaction. A peer of deploy/benchmark.sh; settings from DATABASE and REPLICATE_WEBHOOK_SECRET."""

import json
import os
import sqlite3

from fastapi import FastAPI, HTTPException, Request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

STATES = {"starting": "pending", "processing": "running", "succeeded": "succeeded", "failed": "failed",
          "canceled": "canceled"}

webhook = Webhook(os.environ["REPLICATE_WEBHOOK_SECRET"])
database = sqlite3.connect(os.environ["DATABASE"], isolation_level=None)
database.executescript("""
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, job TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, state TEXT NOT NULL, prediction TEXT NOT NULL);
""")
app = FastAPI()


@app.post("/webhooks/replicate")
async def receive(request: Request):
    body = await request.body()
    try:
        webhook.verify(body, request.headers)
        prediction = json.loads(body)
    except WebhookVerificationError:
        raise HTTPException(401, "the signature does not fit")
    except ValueError:
        raise HTTPException(400, "no JSON")
    job, state = prediction.get("id"), STATES.get(prediction.get("status"))
    if not job or not state:
        raise HTTPException(400, "no prediction")
    database.execute("BEGIN IMMEDIATE")
    try:
        added = database.execute(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?)", (request.headers["webhook-id"], job))
        if added.rowcount:
            database.execute(
                "INSERT INTO jobs VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
                " prediction = excluded.prediction", (job, state, body.decode()))
        database.execute("COMMIT")
    except sqlite3.Error:
        database.execute("ROLLBACK")
        raise HTTPException(503, "not stored")
    return {"received": True}
