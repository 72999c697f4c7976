"""Kept files: acknowledgements beside them, memory, and the highest rate against curl and fsync."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import json
import os
import statistics
import subprocess
import threading
import time

import receivers
import table
from receivers import Failure, unused_port

MODEL = "bench/file"
FILE_BYTES = 2_000_000
# Replicate's own limit of creations is 600 a minute:
# https://replicate.com/docs/topics/predictions/rate-limits
RATE = 10
# Files in all rounds.
FILES = 2000
# What the daemon transfers at once.
TRANSFERS = 4


# Programs


class Client:
    """A keep-alive connection to one address."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, method, path, body=None, fields=None):
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.connection.request(method, path, content, {
                "Content-Type": "application/json", **(fields or {})})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{method} {path}: {error}") from error
        if answer.status >= 300:
            raise Failure(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text) if text else None


class Simulator:
    """The provider, and the source of files: each prediction makes one, which no other has."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def files(self, count):
        """The URLs of that many files."""
        client = Client(self.port)
        fields = {"Authorization": "Bearer any"}
        urls = []
        for number in range(count):
            run = client.send(
                "POST", f"/v1/models/{MODEL}/predictions", {"input": {"prompt": f"lamp {number}"}}, fields)
            deadline = time.monotonic() + 30
            while run["status"] != "succeeded":
                if time.monotonic() > deadline:
                    raise Failure(f"the simulator's prediction is {run['status']}")
                run = client.send("GET", f"/v1/predictions/{run['id']}", fields=fields)
            urls += run["output"]
        return urls


@contextlib.contextmanager
def simulator(session, path):
    port = unused_port()
    with open(f"{path}/models.json", "w") as file:
        json.dump({MODEL: {
            "output": [{"$file": "data", "bytes": FILE_BYTES}], "duration": "0ms", "queue": "0ms"}}, file)
    command = [
        f"{session.build}/../release/replicate-simulator", "--listen", f"127.0.0.1:{port}", "--quiet",
        "--create-rate", "1000000", "--models", f"{path}/models.json"]
    with receivers.running(
            command, port, f"{path}/simulator.log", {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET}):
        yield Simulator(port)


class Daemon:
    """A daemon on a new database, with or without a folder of kept files."""

    def __init__(self, session, path, source, keeps=True):
        self.session = session
        self.path = path
        self.source = source
        self.keeps = keeps
        self.webhooks, self.api = unused_port(), unused_port()
        self.process = None

    @property
    def files(self):
        return f"{self.path}/files"

    @property
    def address(self):
        return f"http://127.0.0.1:{self.webhooks}/webhooks/replicate"

    @contextlib.contextmanager
    def running(self):
        environment = {
            "DATABASE_URL": f"sqlite:{self.path}/jobs.db", "WEBHOOK_LISTEN": f"127.0.0.1:{self.webhooks}",
            "API_LISTEN": f"127.0.0.1:{self.api}", "PUBLIC_URL": f"http://127.0.0.1:{self.webhooks}",
            "REPLICATE_API_URL": self.source.url, "REPLICATE_API_TOKEN": "r8_of_a_stand_in",
            "REPLICATE_WEBHOOK_SECRET": receivers.SECRET,
            # Log lines would count as writes.
            "LOG_LEVEL": "warning"}
        if self.keeps:
            # The deliveries beside the files name files at Replicate, which must not be fetched.
            environment |= {"ARCHIVE": f"file:{self.files}", "ARCHIVE_HOSTS": "files.invalid"}
        command = [f"{self.session.build}/../release/replicate-webhookd", "serve"]
        with receivers.running(command, self.api, f"{self.path}/log", environment) as process:
            self.process = process
            yield self

    def deliver(self, arguments):
        """The report of webhook-bench."""
        return self.session.bench(
            arguments + ["--url", self.address, "--pid", str(self.process)],
            {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET})[0]

    def end(self, jobs):
        """Ends jobs by signed deliveries: pairs of a prediction's id and the URL of its file."""
        client = Client(self.webhooks)
        key = base64.b64decode(receivers.SECRET.removeprefix("whsec_"))
        for name, url in jobs:
            now = int(time.time())
            body = json.dumps({
                "id": name, "model": MODEL, "version": "hidden", "input": {}, "output": [url],
                "status": "succeeded", "error": None, "logs": "", "completed_at": time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}).encode()
            digest = hmac.digest(key, f"{name}.{now}.".encode() + body, "sha256")
            client.send("POST", "/webhooks/replicate", body, {
                "webhook-id": name, "webhook-timestamp": str(now),
                "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"})

    def wait_until_kept(self, count, seconds):
        """Waits until the daemon has stored at least that many files."""
        client = Client(self.api)
        deadline = time.monotonic() + seconds
        while True:
            totals = client.send("GET", "/archive")["files"]
            if totals["stored"] >= count:
                return
            if totals["failed"] or time.monotonic() > deadline:
                raise Failure(f"of {count} files: {json.dumps(totals)}")
            time.sleep(0.02)

    def delays(self, jobs):
        """Milliseconds from the end of each job to its file stored."""
        client = Client(self.api)
        for name in jobs:
            job = client.send("GET", f"/jobs/{name}")
            yield milliseconds_between(job["completed_at"], job["files"][0]["stored_at"])

    def memory(self):
        """Resident bytes: all, and its own."""
        with open(f"/proc/{self.process}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        return [int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon")]


def milliseconds_between(start, end):
    start, end = (datetime.datetime.fromisoformat(text) for text in (start, end))
    return (end - start) / datetime.timedelta(milliseconds=1)


def check_files(folder, count):
    """Reads every file again: its name is its hash."""
    found = 0
    for place, _, names in os.walk(f"{folder}/sha256"):
        for name in names:
            size = os.path.getsize(f"{place}/{name}")
            with open(f"{place}/{name}", "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if (digest, size) != (name, FILE_BYTES):
                raise Failure(f"{name} has {size} bytes, with the hash {digest}")
            found += 1
    if found != count:
        raise Failure(f"{found} files are in the folder, and {count} were stored")


# Acknowledgements


class Orders(threading.Thread):
    """Creates jobs of one file each at a steady rate."""

    def __init__(self, daemon, count):
        super().__init__()
        self.daemon_served = daemon
        self.count = count
        self.jobs = []
        self.failure = None
        self.is_stopped = threading.Event()

    def run(self):
        client = Client(self.daemon_served.api)
        start = time.monotonic()
        try:
            for number in range(self.count):
                if self.is_stopped.wait(max(0, start + number / RATE - time.monotonic())):
                    return
                order = {"model": MODEL, "input": {"prompt": f"lamp {number}"}}
                self.jobs.append(client.send("POST", "/jobs", order)["id"])
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
    """Deliveries while jobs of one file end, with and without keeping their files, by turns."""
    rounds = 3 if session.quick else 9
    seconds = 3 if session.quick else 7
    session.log(f"{RATE} files of {FILE_BYTES / 1e6:g} MB a second, beside deliveries")
    with receivers.folder(session.place) as path, simulator(session, path) as source:
        possible = measure_possible(session, source)

        def attempt(keeps):
            return lambda number: deliver_beside(session, source, keeps, possible, seconds)

        results = session.by_turns({"with": attempt(True), "without": attempt(False)}, rounds)
    beside = f"while {RATE} files of {FILE_BYTES / 1e6:g} MB a second are kept"
    ours, others = results["with"], results["without"]
    rows.ratio(
        f"acks/s {beside}, against without", 0.9, ours, others,
        lambda runs: session.rates([run["full"] for run in runs]), table.per_second, "with", "without",
        costs=lambda *runs: f"{table.processor_time(*(reports(run, 'full') for run in runs))}")
    for key, target in [("p50_us", 1.1), ("p99_us", 1.25)]:
        rows.ratio(
            f"{key.removesuffix('_us')} of an ack at half of that rate {beside}, against without", target,
            ours, others, lambda runs, key=key: [deliveries(run["half"])[key] for run in runs],
            table.milliseconds, "with", "without", smaller_is_better=True)
    if isinstance(ours, Failure):
        return
    delays = [delay for run in ours for delay in run["delays"]]
    rows.bound(
        "p99 from a job's end to its file stored, beside these deliveries", 1e6,
        statistics.quantiles(delays, n=100)[98] * 1e3, table.milliseconds,
        f"of {len(delays):,} files; slowest {table.milliseconds(max(delays) * 1e3)}")
    if not isinstance(others, Failure):
        rows.bound(
            f"peak of memory {beside}, above that without", 8e6,
            statistics.median(peak(mine) - peak(other) for mine, other in zip(ours, others)),
            table.megabytes,
            f"{table.megabytes(statistics.median(map(peak, ours)))} and "
            f"{table.megabytes(statistics.median(map(peak, others)))}")


def reports(runs, name):
    return [run[name] for run in runs]


def deliveries(report):
    return report["lanes"]["deliveries"]


def peak(run):
    return max(run[name]["server"]["peak_memory_bytes"] for name in ("half", "full"))


def measure_possible(session, source):
    """Deliveries a second, with nothing beside them."""
    with receivers.folder(session.place) as path, Daemon(session, path, source, False).running() as daemon:
        return statistics.median(session.rates([
            daemon.deliver(["--deliveries", str(session.deliveries)]) for _ in range(3)]))


def deliver_beside(session, source, keeps, possible, seconds):
    """Deliveries at half of the possible rate, and as many as are acknowledged, beside jobs with files."""
    count = 90 if session.quick else -(-FILES // 9)
    with receivers.folder(session.place) as path, Daemon(session, path, source, keeps).running() as daemon:
        orders = Orders(daemon, count)
        with orders.running():
            half = daemon.deliver([
                "--rate", str(int(possible / 2)), "--deliveries", str(int(possible / 2 * seconds)),
                "--seconds", str(seconds + 10)])
            full = daemon.deliver([
                "--deliveries", str(int(possible * 1.2 * seconds)), "--seconds", str(seconds)])
            if not orders.is_alive():
                raise Failure("the jobs were over before the deliveries")
            orders.join()
        run = {"half": half, "full": full, "delays": []}
        if keeps:
            daemon.wait_until_kept(count, 30)
            run["delays"] = list(daemon.delays(orders.jobs))
            check_files(daemon.files, count)
        return run


# The highest rate


def measure_rate(session, rows):
    """Files of jobs that end at once, against as many curls as the daemon has transfers."""
    count = 100 if session.quick else 200
    session.log(f"{count} files at once, against {TRANSFERS} × curl and fsync")
    grown = []
    with receivers.folder(session.place) as path, simulator(session, path) as source:
        urls = source.files(count)
        results = session.by_turns({
            "daemon": lambda number: keep(session, source, urls, grown),
            "curl": lambda number: fetch(session, urls),
        })
    rows.ratio(
        f"kept files a second, {count} jobs of {FILE_BYTES / 1e6:g} MB at once, against {TRANSFERS} × "
        "`curl` and fsync of the same", 0.8, results["daemon"], results["curl"], list, table.per_second,
        "daemon", "curl")
    if grown:
        growth, resident = (statistics.median(values) for values in zip(*grown))
        rows.bound(
            f"growth of memory from the first tenth of {count} files to the last", 2e6, growth,
            table.megabytes, f"resident at the end {table.megabytes(resident)}")


def keep(session, source, urls, grown):
    with receivers.folder(session.place) as path, Daemon(session, path, source).running() as daemon:
        os.sync()
        start = time.monotonic()
        sender = threading.Thread(target=daemon.end, args=[
            [(f"rate{number}", url) for number, url in enumerate(urls)]])
        sender.start()
        try:
            daemon.wait_until_kept(len(urls) // 10, 30)
            _, before = daemon.memory()
        finally:
            sender.join()
        daemon.wait_until_kept(len(urls), 60)
        seconds = time.monotonic() - start
        resident, after = daemon.memory()
        grown.append((after - before, resident))
        check_files(daemon.files, len(urls))
        return len(urls) / seconds


def fetch(session, urls):
    """Files a second by curl. Each gets eight files over one connection; then these and their folder are
    synced."""
    with receivers.folder(session.place) as path:
        batches = [urls[start:start + 8] for start in range(0, len(urls), 8)]
        os.sync()
        start = time.monotonic()
        failures = []

        def work():
            while batches:
                try:
                    batch = batches.pop()
                except IndexError:
                    return
                names = [f"{path}/{os.path.dirname(url).rsplit('/', 1)[1]}" for url in batch]
                arguments = [text for url, name in zip(batch, names) for text in (url, "-o", name)]
                try:
                    subprocess.run(["curl", "-fsS", *arguments], check=True, capture_output=True)
                    subprocess.run(["sync", *names, path], check=True, capture_output=True)
                except subprocess.CalledProcessError as error:
                    failures.append(Failure(f"{error}: {error.stderr[-200:]}"))
                    return

        threads = [threading.Thread(target=work) for _ in range(TRANSFERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        if failures:
            raise failures[0]
        sizes = {entry.stat().st_size for entry in os.scandir(path)}
        if sizes != {FILE_BYTES} or len(os.listdir(path)) != len(urls):
            raise Failure(f"curl has fetched files of {sizes} bytes")
        return len(urls) / seconds


MEASUREMENTS = [measure_beside, measure_rate]
