"""Headless Chromium, driven through chromedriver by the WebDriver protocol.

https://www.w3.org/TR/webdriver2/, and Chromium's own commands of its DevTools:
https://chromedevtools.github.io/devtools-protocol/"""

import contextlib
import http.client
import json
import os
import shutil

import receivers
from receivers import Failure, unused_port

# What a window of a laptop shows.
WINDOW = "1280,900"


def programs():
    """The browser and its driver; None where one is missing."""
    found = [shutil.which("chromium"), shutil.which("chromedriver")]
    return found if all(found) else None


class Browser:
    """A session of the driver: one window with one tab."""

    def __init__(self, port, path, has_log):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        options = {
            "binary": programs()[0],
            # The sandbox refuses root. Chromium's own traffic and its rounded memory would disturb.
            "args": [
                "--headless=new", f"--window-size={WINDOW}", f"--user-data-dir={path}/profile",
                "--disable-background-networking", "--disable-component-update", "--no-first-run",
                "--enable-precise-memory-info"] + (["--no-sandbox"] if os.geteuid() == 0 else [])}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options}
        if has_log:
            wanted["goog:loggingPrefs"] = {"performance": "ALL"}
        session = self.command("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.path = f"/session/{session['sessionId']}"
        self.process = session["capabilities"]["goog:processID"]
        self.post("/timeouts", {"script": 60_000, "pageLoad": 60_000})

    def command(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {"Content-Type": "application/json"})
        value = json.load(self.connection.getresponse())["value"]
        if isinstance(value, dict) and "error" in value:
            raise Failure(f"Chromium: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def post(self, path, body):
        return self.command("POST", self.path + path, body)

    def go(self, url):
        self.post("/url", {"url": url})

    def devtools(self, name, **parameters):
        return self.post("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def before_each_page(self, script):
        """Runs the script in each page before the page's own."""
        self.devtools("Page.addScriptToEvaluateOnNewDocument", source=script)

    def run(self, script, *arguments):
        return self.post("/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script, *arguments):
        """The value that the script passes to the function `done`."""
        script = f"const done = arguments[arguments.length - 1]; {script}"
        return self.post("/execute/async", {"script": script, "args": list(arguments)})

    def events(self):
        """What the DevTools reported since the last call; only with a log."""
        entries = self.post("/se/log", {"type": "performance"})
        return [json.loads(entry["message"])["message"] for entry in entries]

    def metrics(self):
        """The tab's metrics, without garbage on its heap: sizes in bytes, durations of processor time."""
        # Nodes that only garbage refers to are released by the next collection.
        for _ in range(2):
            self.devtools("HeapProfiler.collectGarbage")
        self.devtools("Performance.enable", timeDomain="threadTicks")
        return {entry["name"]: entry["value"] for entry in self.devtools("Performance.getMetrics")["metrics"]}

    def processor_seconds(self):
        """What the browser's processes have used; those that have ended are left out."""
        return sum(map(_seconds, _tree(self.process)))


@contextlib.contextmanager
def browser(place, has_log=False):
    """A browser with a new profile, which ends with its driver."""
    if not programs():
        raise Failure("Chromium or its driver is not installed")
    with receivers.folder(place) as path:
        port = unused_port()
        command = [programs()[1], f"--port={port}", "--silent"]
        with receivers.running(command, port, f"{path}/log", {"TMPDIR": path}):
            session = Browser(port, path, has_log)
            try:
                yield session
            finally:
                session.command("DELETE", session.path)


def _tree(process):
    """The process and its descendants."""
    found = [process]
    for each in found:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{thread}/children") as file:
                    found += map(int, file.read().split())
    return found


def _seconds(process):
    # User and system time, of all threads: proc(5).
    with contextlib.suppress(OSError), open(f"/proc/{process}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
    return 0
