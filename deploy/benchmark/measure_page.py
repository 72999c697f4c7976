"""The page of the jobs API in headless Chromium: loads and filters of a large store, and many changes."""

import contextlib
import gzip
import http.client
import json
import os
import shutil
import statistics
import time
import urllib.parse

import chromium
import receivers
import table
from receivers import Failure, unused_port

ROW = "main tbody tr"
# Orders, which have metadata; the store has webhooks' jobs alone.
ORDERS = 200
RATE = 500

# Notes when the first row has been painted. A task after a frame's callbacks runs once the frame is drawn:
# https://html.spec.whatwg.org/multipage/webappapis.html#update-the-rendering
FIRST_ROW = """
window.afterPaint = action => requestAnimationFrame(() => {
  const channel = new MessageChannel()
  channel.port1.onmessage = () => action(performance.now())
  channel.port2.postMessage(null)
})
new MutationObserver((changes, observer) => {
  if (!document.querySelector(ROW)) return
  observer.disconnect()
  afterPaint(now => { window.firstRow = now })
}).observe(document, { childList: true, subtree: true })
"""

# Follows a link to a filter, as those of the page, and notes when what the answer changed has been painted.
FILTER = """
const [address] = arguments
let changed = 0
const observer = new MutationObserver(() => { changed = performance.now() })
observer.observe(document.querySelector("main"), {
  attributes: true, characterData: true, childList: true, subtree: true })
performance.clearResourceTimings()
const link = document.body.appendChild(document.createElement("a"))
link.href = address
const start = performance.now()
link.click()
link.remove()
const finish = value => { observer.disconnect(); done(value) }
const look = () => afterPaint(now => {
  const answers = performance.getEntriesByType("resource").filter(entry =>
    new URL(entry.name).pathname == "/jobs" && entry.startTime >= start)
  const end = answers[0]?.responseEnd ?? 0
  if (end && changed >= end) return finish({ time: now - start, waited: end - start })
  now - start > 5000 ? finish(end ? "the rows do not change" : "no list is fetched") : look()
})
look()
"""

# Whether all requests but streams have been answered for a quarter of a second.
QUIET = """
let count = -1
const look = () => {
  const now = performance.getEntriesByType("resource").length
  if (now == count) return done(true)
  count = now
  setTimeout(look, 250)
}
look()
"""

LONG_TASKS = """
window.longTasks = []
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) longTasks.push(entry.duration)
}).observe({ type: "longtask", buffered: true })
"""


class Daemon:
    """A daemon on a copy of the large store, for a few pages and loads."""

    def __init__(self, session, store):
        self.session = session
        self.store = store
        self.webhooks, self.api = unused_port(), unused_port()
        self.process = None

    @property
    def page(self):
        return f"http://127.0.0.1:{self.api}/"

    @contextlib.contextmanager
    def running(self, **settings):
        environment = {
            "DATABASE_URL": f"sqlite:{self.store}", "WEBHOOK_LISTEN": f"127.0.0.1:{self.webhooks}",
            "API_LISTEN": f"127.0.0.1:{self.api}", "LOG_LEVEL": "warning",
            # At this rate most connections of the client are idle for long.
            "FIRST_BYTE_TIMEOUT": "1h", "IDLE_TIMEOUT": "1h",
            "REPLICATE_WEBHOOK_SECRET": receivers.SECRET, **settings}
        command = [f"{self.session.build}/../release/replicate-webhookd", "serve"]
        # A store of an earlier version is migrated first.
        with receivers.running(command, self.api, self.store + ".log", environment, seconds=300) as process:
            self.process = process
            yield self

    def deliver(self, seconds):
        """The report of deliveries at the rate; five hundred jobs live at once, from start to end."""
        arguments = [
            "--scenario", "lifecycle", "--rate", str(RATE), "--deliveries", str(RATE * seconds), "--seconds",
            str(seconds + 30), "--url", f"http://127.0.0.1:{self.webhooks}/webhooks/replicate", "--pid",
            str(self.process)]
        return self.session.bench(arguments, {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET})[0]

    def order(self, count):
        """Creates orders with metadata, and cancels them: they reach nobody."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=30)

        def post(path, body):
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status not in (200, 202):
                raise Failure(f"{path}: {answer.status} {text[:200]}")
            return json.loads(text)

        for number in range(count):
            order = {"model": "demo/hello", "input": {"prompt": f"lamp {number}"}, "metadata": {
                "user": f"user-{number % 10}"}}
            post(f"/jobs/{post('/jobs', order)['id']}/cancel", {})


@contextlib.contextmanager
def daemon(session):
    """A daemon on a copy of the store, because loads make it larger."""
    copy = f"{session.place}/page.db"
    shutil.copyfile(session.store, copy)
    os.sync()
    served = Daemon(session, copy)
    try:
        # Nobody answers at this address, so orders wait until they are cancelled.
        with served.running(
                REPLICATE_API_TOKEN="r8_of_a_stand_in", REPLICATE_API_URL=f"http://127.0.0.1:{unused_port()}",
                PUBLIC_URL="https://hooks.example.com"):
            served.order(ORDERS)
        with served.running():
            yield served
    finally:
        for ending in ["", "-wal", "-shm", ".log"]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(copy + ending)


def size(served):
    """Bytes of the page: plain, and as it is sent to a browser."""
    connection = http.client.HTTPConnection("127.0.0.1", served.api, timeout=30)
    connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise Failure(f"GET / is answered {answer.status}")
    is_gzipped = answer.headers["Content-Encoding"] == "gzip"
    return len(gzip.decompress(text)) if is_gzipped else len(text), len(text)


def kilobytes(count):
    return f"{count / 1e3:.1f} KB"


def milliseconds(value):
    return f"{value:.0f} ms"


def spread(values):
    return f"{milliseconds(min(values))} to {milliseconds(max(values))}"


# Loads and filters


def measure_loads(session, rows):
    with daemon(session) as served:
        plain, sent = size(served)
        rows.bound("the page, as it is sent", 60e3, sent, kilobytes, f"{kilobytes(plain)} before gzip")
        session.log(f"loads of the page, {session.jobs:,} jobs stored")
        with chromium.browser(session.place, has_log=True) as browser:
            browser.before_each_page(FIRST_ROW.replace("ROW", json.dumps(ROW)))
            times = [load(browser, served) for _ in range(5 if session.quick else 15)]
            rows.bound(
                f"from the navigation to the first row painted, {session.jobs:,} jobs", 300,
                statistics.median(times), milliseconds, f"{spread(times)}; nothing cached")
            largest = responses(browser.events(), served.page)
            what = max(largest, key=largest.get)
            rows.bound("the largest response to the page", 100e3, largest[what], kilobytes, f"`{what}`")
            session.log("filters")
            measure_filters(session, rows, browser, served)


def load(browser, served):
    browser.go("about:blank")
    browser.devtools("Network.clearBrowserCache")
    browser.go(served.page)
    return first_row(browser)


def first_row(browser):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if now := browser.run("return window.firstRow"):
            return now
        time.sleep(0.05)
    raise Failure("the page shows no row")


def responses(events, page):
    """The most bytes that a response of each path had; streams, which do not end, are what has arrived.

    The browser's own pages, such as that of a new tab, are left out."""
    paths, received = {}, {}
    for event in events:
        parameters = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            if not parameters["request"]["url"].startswith(page):
                continue
            url = urllib.parse.urlsplit(parameters["request"]["url"])
            paths[parameters["requestId"]] = f"{url.path}{url.query and '?'}{url.query}"
        elif event["method"] == "Network.dataReceived":
            key = parameters["requestId"]
            received[key] = received.get(key, 0) + parameters["encodedDataLength"]
        elif event["method"] == "Network.loadingFinished":
            received[parameters["requestId"]] = parameters["encodedDataLength"]
    largest = {}
    for key, count in received.items():
        if key not in paths:
            continue
        path = f"GET {paths[key]}"
        largest[path] = max(count, largest.get(path, 0))
    return largest or {"none": 0}


FILTERS = [
    ("a state that most have", "state=succeeded"), ("a state that few have", "state=canceled"),
    ("a state that none has", "state=stale"),
    ("a model that most have", "model=black-forest-labs/flux-schnell"),
    ("a model that none has", "model=demo/none"), ("metadata", "metadata.user=user-7"),
    ("the last hour", "since=1h"), ("a state, before the last hour", "state=failed&until=1h"),
]


def measure_filters(session, rows, browser, served):
    for what, query in FILTERS:
        times = []
        for _ in range(3 if session.quick else 7):
            load(browser, served)
            browser.wait_for(QUIET)
            result = browser.wait_for(FILTER, f"/?{query}")
            if isinstance(result, str):
                rows.failure(f"filter: {what}", Failure(result))
                session.has_failed = True
                break
            times.append((result["time"], result["waited"]))
        else:
            rows.bound(
                f"filter: {what}", 200, statistics.median(each for each, _ in times), milliseconds,
                f"{spread([each for each, _ in times])}; "
                f"answered after {milliseconds(statistics.median(each for _, each in times))}")


# Changes


def measure_changes(session, rows):
    seconds = 15 if session.quick else 60
    session.log(f"{RATE} changes a second for {seconds} s, with and without the page")
    observed = []
    with daemon(session) as served:
        def watched(number):
            with chromium.browser(session.place) as browser:
                report, found = watch(browser, served, seconds)
                observed.append(found)
                return report

        results = session.by_turns({
            "with": watched,
            "without": lambda number: served.deliver(seconds),
        })
    for key, name in [("p50_us", "p50"), ("p99_us", "p99")]:
        rows.ratio(
            f"{name} of an ack at {RATE} deliveries a second, with the page open, against without",
            1.1 if key == "p50_us" else 1.25, results["with"], results["without"],
            lambda reports, key=key: [report["lanes"]["deliveries"][key] for report in reports],
            table.milliseconds, "with", "without", smaller_is_better=True,
            costs=table.processor_time if key == "p50_us" else None)
    if not observed:
        return

    def middle(key):
        return statistics.median(found[key] for found in observed)

    rows.bound(
        f"the longest task of the page at {RATE} changes a second", 100, middle("longest"), milliseconds,
        f"{spread([found['longest'] for found in observed])}; {middle('tasks'):.0f} tasks over 50 ms in "
        f"{seconds} s; its thread used {middle('busy') * 100:.0f} % of a core, the browser "
        f"{middle('used') * 100:.0f} %")
    rows.bound(
        f"growth of the tab's memory in {seconds} s of changes", 1e6, middle("growth"), table.megabytes,
        f"of {table.megabytes(middle('heap'))}, JavaScript heap without garbage; "
        f"{middle('nodes_before'):.0f} DOM nodes before, {middle('nodes_after'):.0f} after")


def watch(browser, served, seconds):
    """The report of deliveries while the page is open, and what the page was like meanwhile."""
    browser.before_each_page(LONG_TASKS + FIRST_ROW.replace("ROW", json.dumps(ROW)))
    load(browser, served)
    # The first changes fill what the page keeps: rows, charts.
    served.deliver(5)
    before = browser.metrics()
    browser.run("longTasks.length = 0; window.oldRows = document.querySelector('main tbody').innerText")
    used = browser.processor_seconds()
    start = time.monotonic()
    report = served.deliver(seconds)
    used = (browser.processor_seconds() - used) / (time.monotonic() - start)
    tasks = browser.run("return longTasks")
    if browser.run("return oldRows == document.querySelector('main tbody').innerText"):
        raise Failure("the page does not follow the changes")
    after = browser.metrics()
    return report, {
        "longest": max(tasks, default=0), "tasks": len(tasks), "used": used,
        "busy": (after["TaskDuration"] - before["TaskDuration"]) / seconds,
        "heap": before["JSHeapUsedSize"], "growth": after["JSHeapUsedSize"] - before["JSHeapUsedSize"],
        "nodes_before": before["Nodes"], "nodes_after": after["Nodes"]}


MEASUREMENTS = [measure_loads, measure_changes]
