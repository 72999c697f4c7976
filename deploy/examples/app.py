"""An app with users: its page shows the progress of each job, and callbacks record the ends.

    pip install fastapi uvicorn standardwebhooks; CALLBACK_SECRET=whsec_… uvicorn app:app --port 3000
The daemon needs that secret, CALLBACK_URL=http://127.0.0.1:3000/hook, PUBLIC_URL, and
BROWSER_ORIGINS=http://localhost:3000, where you open the page. """
import json, os, secrets, urllib.parse, urllib.request
from fastapi import Body, Cookie, FastAPI, HTTPException, Request, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

API = os.environ.get("JOBS_API", "http://127.0.0.1:8081")
webhook = Webhook(os.environ["CALLBACK_SECRET"])
app = FastAPI()
ended = {}  # Your database: the state in which each job has ended.

PAGE = """<!doctype html><html lang=en><title>Lamps</title><link rel=icon href="data:,">
<form><label>Prompt <input name=prompt value="a desk lamp"></label><button>Make</button></form><ul></ul>
<script>
function watch({id, url, token}) {
  const row = document.querySelector("ul").appendChild(document.createElement("li"))
  new EventSource(`${url}/events?token=${token}`).addEventListener("job", event => {
    const job = JSON.parse(event.data)
    row.textContent = `${id}: ${job.state} ${Math.round(100 * (job.progress ?? 0))} % ${job.output ?? ""}`
  })
}
document.forms[0].onsubmit = async event => {
  event.preventDefault()
  const body = JSON.stringify({prompt: document.forms[0].prompt.value})
  const headers = {"Content-Type": "application/json"}
  watch(await (await fetch("jobs", {method: "POST", headers, body})).json())
}
fetch("jobs").then(answer => answer.json()).then(jobs => jobs.reverse().forEach(watch))
</script>"""

def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=10))

@app.get("/")
def page(user: str = Cookie("")):
    cookie = f"user={user or secrets.token_hex(16)}; HttpOnly; SameSite=Lax"  # Your login.
    return Response(PAGE, media_type="text/html", headers={"Set-Cookie": cookie})

@app.post("/jobs")
def create(user: str = Cookie(), prompt: str = Body(embed=True)):
    job = call("/jobs", {"model": "demo/hello", "input": {"prompt": prompt}, "metadata": {"user": user}})
    return call(f"/jobs/{job['id']}/tokens", {})

@app.get("/jobs")
def jobs(user: str = Cookie()):
    found = call("/jobs?metadata.user=" + urllib.parse.quote(user))["jobs"]
    return [call(f"/jobs/{job['id']}/tokens", {"ttl": "10m"}) for job in found]

@app.post("/hook", status_code=204)
async def hook(request: Request):
    try:
        event = webhook.verify(await request.body(), request.headers)
    except WebhookVerificationError:
        raise HTTPException(401)
    ended[event["data"]["id"]] = event["data"]["state"]  # Save the output, charge for it, send a mail.
