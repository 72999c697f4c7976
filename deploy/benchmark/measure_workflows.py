"""Workflows: their throughput against plain jobs, bytes a step, and acknowledgements beside them."""

import contextlib
import json
import os
import threading
import time

import receivers
import table
from measure_archive import Client
from receivers import Failure, unused_port

MODEL = "bench/text"
WORKFLOWS = 1000
STEPS = 3
FAN_OUTS = 10
ITEMS = 100
# Workflows a second beside deliveries: three jobs each, so 900 a minute.
RATE = 5
SENDERS = 8


def chain(number):
    return {"id": f"c{number}", "input": {"prompt": f"lamp {number}"}, "steps": [
        {"name": "a", "model": MODEL, "input": {"prompt": {"$from": "input#/prompt"}}},
        {"name": "b", "model": MODEL, "input": {"prompt": {"$text": ["more ", {"$from": "a"}]}}},
        {"name": "c", "model": MODEL, "input": {"prompt": {"$from": "b"}}}]}


def fan_out(number):
    return {"id": f"f{number}", "limits": {"predictions": ITEMS}, "steps": [
        {"name": "s", "model": MODEL, "for_each": list(range(ITEMS)), "max_items": ITEMS, "parallel": 20,
         "input": {"prompt": {"$from": "item"}}}]}


@contextlib.contextmanager
def simulator(session, path):
    port = unused_port()
    with open(f"{path}/models.json", "w") as file:
        json.dump({MODEL: {"output": "Hello from a step", "duration": "0ms", "queue": "0ms"}}, file)
    command = [
        f"{session.build}/../release/replicate-simulator", "--listen", f"127.0.0.1:{port}", "--quiet",
        "--create-rate", "1000000", "--models", f"{path}/models.json"]
    with receivers.running(
            command, port, f"{path}/simulator.log", {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET}):
        yield f"http://127.0.0.1:{port}"


class Daemon:
    """A daemon on a new database, whose orders are not throttled."""

    def __init__(self, session, path, source):
        self.session, self.path, self.source = session, path, source
        self.webhooks, self.api = unused_port(), unused_port()
        self.process = None

    @contextlib.contextmanager
    def running(self):
        environment = {
            "DATABASE_URL": f"sqlite:{self.path}/jobs.db", "WEBHOOK_LISTEN": f"127.0.0.1:{self.webhooks}",
            "API_LISTEN": f"127.0.0.1:{self.api}", "PUBLIC_URL": f"http://127.0.0.1:{self.webhooks}",
            "REPLICATE_API_URL": self.source, "REPLICATE_API_TOKEN": "r8_of_a_stand_in",
            "REPLICATE_WEBHOOK_SECRET": receivers.SECRET, "CREATES_PER_MINUTE": "60000",
            "LOG_LEVEL": "warning"}
        command = [f"{self.session.build}/../release/replicate-webhookd", "serve"]
        with receivers.running(command, self.api, f"{self.path}/log", environment) as process:
            self.process = process
            yield self

    def deliver(self, arguments):
        """The report of webhook-bench."""
        address = f"http://127.0.0.1:{self.webhooks}/webhooks/replicate"
        return self.session.bench(
            arguments + ["--url", address, "--pid", str(self.process)],
            {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET})[0]

    def post(self, path, bodies):
        """Posts all bodies over several connections."""
        bodies = list(bodies)
        failures = []

        def work(part):
            client = Client(self.api)
            try:
                for body in part:
                    client.send("POST", path, body)
            except Failure as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=[bodies[n::SENDERS]]) for n in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def wait_for(self, jobs, seconds=120):
        """Waits until that many jobs have succeeded."""
        client = Client(self.api)
        deadline = time.monotonic() + seconds
        while True:
            states = client.send("GET", "/counts")["states"]
            if states["succeeded"] >= jobs:
                return
            if states["failed"] or time.monotonic() > deadline:
                raise Failure(f"of {jobs} jobs: {json.dumps(states)}")
            time.sleep(0.02)

    def check(self, count):
        """Every workflow has succeeded."""
        client, found, after = Client(self.api), 0, ""
        while True:
            page = client.send("GET", f"/workflows?state=succeeded&limit=500{after}")
            found += len(page["workflows"])
            if "next" not in page:
                break
            after = f"&after={page['next']}"
        if found != count:
            raise Failure(f"{found} of {count} workflows have succeeded")

    def size(self):
        """Bytes of the database with its WAL."""
        return sum(
            os.path.getsize(f"{self.path}/{name}") for name in os.listdir(self.path)
            if name.startswith("jobs.db"))

    def written(self):
        with open(f"/proc/{self.process}/io") as file:
            return int(dict(line.split(": ") for line in file)["write_bytes"])


def run(session, source, path_of_api, bodies, jobs, workflows):
    """Jobs a second, and bytes a job: in the database, and written."""
    with receivers.folder(session.place) as path, Daemon(session, path, source).running() as daemon:
        before = daemon.size(), daemon.written()
        start = time.monotonic()
        daemon.post(path_of_api, bodies)
        daemon.wait_for(jobs)
        seconds = time.monotonic() - start
        if workflows:
            daemon.check(workflows)
        return {
            "rate": jobs / seconds, "stored": (daemon.size() - before[0]) / jobs,
            "written": (daemon.written() - before[1]) / jobs}


def measure_throughput(session, rows):
    """Workflows at once, against as many jobs at once."""
    count = 200 if session.quick else WORKFLOWS
    jobs = count * STEPS
    session.log(f"{count:,} workflows of {STEPS} steps at once, and {FAN_OUTS} fan-outs of {ITEMS}")
    with receivers.folder(session.place) as path, simulator(session, path) as source:
        plain = [{"model": MODEL, "input": {"prompt": f"lamp {number}"}} for number in range(jobs)]
        results = session.by_turns({
            "workflows": lambda number: run(
                session, source, "/workflows", map(chain, range(count)), jobs, count),
            "fan-outs": lambda number: run(
                session, source, "/workflows", map(fan_out, range(FAN_OUTS)), FAN_OUTS * ITEMS, FAN_OUTS),
            "jobs": lambda number: run(session, source, "/jobs", plain, jobs, 0),
        })

    def rates(runs):
        return [one["rate"] for one in runs]

    rows.ratio(
        f"steps a second, {count:,} workflows of {STEPS} steps at once, against {jobs:,} jobs at once", 0.5,
        results["workflows"], results["jobs"], rates, table.per_second, "workflows", "jobs")
    rows.ratio(
        f"items a second, {FAN_OUTS} fan-outs of {ITEMS}, 20 at a time, against these jobs", 0.25,
        results["fan-outs"], results["jobs"], rates, table.per_second, "fan-outs", "jobs")
    for key, what in [("stored", "in the database and its WAL"), ("written", "written")]:
        rows.ratio(
            f"bytes of a step {what}, against a job's", 1.6, results["workflows"], results["jobs"],
            lambda runs, key=key: [one[key] for one in runs], lambda count: f"{count / 1e3:.1f} KB", "step",
            "job", smaller_is_better=True)


class Orders(threading.Thread):
    """Creates workflows, or as many jobs as they have, at a steady rate."""

    def __init__(self, daemon, count, are_workflows):
        super().__init__()
        self.served, self.count, self.are_workflows = daemon, count, are_workflows
        self.failure = None
        self.is_stopped = threading.Event()

    def run(self):
        client = Client(self.served.api)
        start = time.monotonic()
        try:
            for number in range(self.count):
                if self.is_stopped.wait(max(0, start + number / RATE - time.monotonic())):
                    return
                if self.are_workflows:
                    client.send("POST", "/workflows", chain(number))
                else:
                    for step in range(STEPS):
                        client.send("POST", "/jobs", {
                            "model": MODEL, "input": {"prompt": f"lamp {number} {step}"}})
        except Failure as error:
            self.failure = error

    @contextlib.contextmanager
    def running(self):
        self.start()
        try:
            yield
        finally:
            self.is_stopped.set()
            self.join()
        if self.failure:
            raise self.failure


def measure_beside(session, rows):
    """Deliveries beside workflows, and beside the same number of jobs, by turns."""
    rounds = 3 if session.quick else 9
    seconds = 3 if session.quick else 7
    session.log(f"{RATE} workflows of {STEPS} steps a second, beside deliveries")
    with receivers.folder(session.place) as path, simulator(session, path) as source:

        def attempt(are_workflows):
            def deliver(number):
                with receivers.folder(session.place) as place, \
                        Daemon(session, place, source).running() as daemon:
                    orders = Orders(daemon, int(RATE * (seconds + 5)), are_workflows)
                    with orders.running():
                        return daemon.deliver([
                            "--deliveries", str(int(30_000 * seconds)), "--seconds", str(seconds)])
            return deliver

        results = session.by_turns({"workflows": attempt(True), "jobs": attempt(False)}, rounds)
    rows.ratio(
        f"acks/s while {RATE} workflows of {STEPS} steps a second run, against as many jobs", 0.9,
        results["workflows"], results["jobs"], session.rates, table.per_second, "with workflows", "with jobs",
        costs=lambda *runs: f"{table.processor_time(*runs)}")


MEASUREMENTS = [measure_throughput, measure_beside]
