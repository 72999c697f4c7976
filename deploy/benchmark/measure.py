"""Runs the programs that deploy/benchmark.sh has built, side by side and by turns, and writes the table."""

import argparse
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import growth
import machine
import measure_archive
import measure_page
import measure_postgresql
import measure_workflows
import receivers
import table
from receivers import Failure


class Session:
    """The state that all measurements share: the programs, the folder, the amounts."""

    def __init__(self, options):
        self.build = options.build
        self.place = options.place
        self.quick = options.quick
        self.jobs = 100_000 if options.quick else 1_000_000
        self.rounds = 3 if options.quick else 5
        self.deliveries = 20_000 if options.quick else 60_000
        self.peers = receivers.peers(options.build)
        self.nginx = options.nginx
        self.only = options.only
        self.left_out = dict(text.split("=", 1) for text in options.left_out)
        self.store = f"{options.place}/store{'-quick' if options.quick else ''}.db"
        self.figure = f"{options.place}/growth" if options.quick else options.figure
        self.has_failed = False

    def wants(self, name):
        return not self.only or name in self.only

    def log(self, text):
        print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)

    def bench(self, arguments, environment=None, seconds=400, observer=lambda report: None):
        """The reports of one run of webhook-bench, each also passed to the observer.

        Raises where an answer was not the expected one, or the seconds are over. webhook-bench gets SIGTERM,
        never SIGKILL, because it has a daemon to stop."""
        command = [f"{self.build}/../release/webhook-bench", "--json"] + arguments
        environment = {**os.environ, "TMPDIR": self.place, **(environment or {})}
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment)
            limit = threading.Timer(seconds, process.terminate)
            limit.start()
            reports = []
            try:
                for line in process.stdout:
                    reports.append(json.loads(line))
                    observer(reports[-1])
                process.wait()
            finally:
                limit.cancel()
                process.terminate()
                process.wait()
            if process.returncode != 0:
                errors.seek(0)
                text = errors.read().strip()[-300:]
                raise Failure(text or f"webhook-bench ended with {process.returncode}{faults(reports)}")
            return reports

    def yardstick(self, *arguments):
        with receivers.folder(self.place) as path:
            mode, *rest = map(str, arguments)
            command = [f"{self.build}/yardstick", mode, f"{path}/file"] + rest
            done = subprocess.run(command, check=True, capture_output=True, timeout=120)
            return json.loads(done.stdout)

    def by_turns(self, measurements, rounds=None):
        return by_turns(self, measurements, rounds)

    def rates(self, reports):
        return rates(reports)

    def deliver(self, arguments=()):
        """The daemon, on a new file unless the arguments name one."""
        return self.bench(["--deliveries", str(self.deliveries)] + list(arguments))[0]


def faults(reports):
    """What the answers to a run were, of which some were not the expected ones."""
    shown = ("statuses", "unexpected", "broken", "answers")
    lanes = {
        name: {key: lane[key] for key in shown if key in lane}
        for report in reports for name, lane in report["lanes"].items()}
    return f": {json.dumps(lanes)}" if lanes else ""


def lane(report):
    return next(iter(report["lanes"].values()))


def by_turns(session, measurements, rounds=None):
    """The results of each measurement, in the order of rounds. A round is one run of each, forwards and then
    backwards. A measurement that fails once is skipped from then on, and its failure is the result."""
    results = {name: [] for name in measurements}
    for number in range(rounds or session.rounds):
        names = list(measurements) if number % 2 == 0 else list(reversed(measurements))
        for name in names:
            if isinstance(results[name], Failure):
                continue
            try:
                results[name].append(measurements[name](number))
            except (Failure, subprocess.SubprocessError, OSError) as error:
                session.log(f"{name}: {error}")
                session.has_failed = True
                results[name] = Failure(str(error))
    return results


def rates(reports):
    return [lane(report)["per_second"] for report in reports]


# Deliveries


def measure_deliveries(session, rows):
    session.log(f"deliveries on 64 connections: {session.rounds} rounds of the daemon and its peers")
    seconds = 3 if session.quick else 5

    def daemon(number):
        # The first run reads everything that was acknowledged from the jobs API afterwards.
        return session.deliver(["--verify"] if number == 0 else [])

    def peer(name):
        # All deliveries are prepared before; a slow peer is stopped when its seconds are over.
        count = session.deliveries if name == "yardstick" else 20_000
        return lambda number: session.peers[name].deliver(
            session.bench, session.place, ["--deliveries", str(count)],
            60 if name == "yardstick" else seconds)

    measurements = {"daemon": daemon}
    measurements.update({name: peer(name) for name in session.peers if name not in session.left_out})
    results = by_turns(session, measurements)
    ours = results["daemon"]
    for name, target in [("yardstick", 1.0), ("hummingbird", 5.0), ("go", 8.0), ("fastapi", 10.0)]:
        what = f"durable acks/s, against {session.peers[name].name}"
        theirs = results.get(name, Failure(session.left_out.get(name, "")))
        rows.ratio(
            what, target, ours, theirs, rates, table.per_second, "daemon", session.peers[name].name,
            costs=table.costs)
    rows.ratio(
        "p99 of an ack, against the yardstick's", 1.0, ours, results["yardstick"],
        lambda reports: [lane(report)["p99_us"] for report in reports], table.milliseconds, "daemon",
        "the yardstick", smaller_is_better=True)
    return ours


def measure_one_connection(session, rows):
    session.log("one connection, against a bare transaction")
    count = 2000 if session.quick else 5000
    results = by_turns(session, {
        "bare": lambda number: session.yardstick("transaction", count, 2500)["p50_us"],
        "daemon": lambda number: lane(
            session.bench(["--connections", "1", "--deliveries", str(count)])[0])["p50_us"],
    })
    rows.ratio(
        "p50 of an ack on one connection, against a bare transaction of one row", 1.3, results["daemon"],
        results["bare"], list, table.milliseconds, "daemon", "SQLite alone", smaller_is_better=True)


def measure_tls(session, rows):
    session.log("TLS, against plain")
    results = by_turns(session, {
        "plain": lambda number: session.deliver(),
        "tls": lambda number: session.deliver(["--scenario", "tls"]),
    })
    rows.ratio(
        "acks/s over kept TLS connections, against plain ones", 0.8, results["tls"], results["plain"], rates,
        table.per_second, "TLS", "plain", costs=table.costs)


# The large store


def remove_database(path):
    for ending in ["", "-wal", "-shm"]:
        if os.path.exists(path + ending):
            os.remove(path + ending)


def fill(session, rows=None):
    """Fills the store that reads need, unless it exists; and draws the cost of deliveries while it grew."""
    if os.path.exists(session.store):
        return session.log(f"the store exists: {session.store}")
    session.log(f"filling a store with {session.jobs:,} jobs and {3 * session.jobs:,} deliveries")
    start = time.monotonic()

    def report_progress(step):
        if step["jobs"] % 100_000 == 0:
            session.log(f"{step['jobs']:,} jobs, {time.monotonic() - start:.0f} s")

    part = session.store + "-part"
    remove_database(part)
    steps = session.bench(
        ["--scenario", "fill", "--jobs", str(session.jobs), "--deliveries-per-job", "3", "--database", part],
        seconds=2400, observer=report_progress)
    # Without a WAL, and renamed only when complete.
    connection = sqlite3.connect(part)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    os.rename(part, session.store)
    remove_database(part)
    growth.write(steps, session.figure)
    return session.log(f"drawn: {session.figure}.svg, from {session.figure}.csv")


def measure_large_store(session, rows):
    jobs, size = f"{session.jobs:,} jobs", f"{session.jobs:,} jobs and {3 * session.jobs:,} deliveries"
    # A copy, because deliveries make it larger.
    copy = f"{session.place}/copy.db"
    shutil.copyfile(session.store, copy)
    os.sync()
    stored = ["--database", copy, "--jobs", str(session.jobs)]
    count = ["--deliveries", "50000" if session.quick else "150000"]
    try:
        measure_starts(session, rows, copy, jobs)
        session.log("reads by id, against nginx")
        if session.nginx:
            with receivers.nginx(session.nginx, session.place) as port:
                url = f"http://127.0.0.1:{port}"
                results = by_turns(session, {
                    "daemon": lambda number: session.bench(["--scenario", "reads"] + stored + count)[0],
                    "nginx": lambda number: session.bench(
                        ["--scenario", "reads", "--url", url, "--api", url] + count,
                        {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET})[0],
                })
        else:
            results = {"daemon": [], "nginx": Failure(session.left_out.get("nginx", ""))}
        rows.ratio(
            f"status reads/s by id with {jobs} stored, against nginx `return 200`", 0.7, results["daemon"],
            results["nginx"], rates, table.per_second, "daemon", "nginx", costs=table.client_shares)
        session.log("deliveries into the large store, against an empty file")
        results = by_turns(session, {
            "empty": lambda number: session.deliver(),
            "full": lambda number: session.deliver(["--database", copy]),
        })
        # Bytes written are not reported: Linux may count a change to a page of a file that was just copied as
        # a change to the whole large folio around it.
        rows.ratio(
            f"acks/s with {size} stored, against an empty file", 0.85, results["full"], results["empty"],
            rates, table.per_second, "large", "empty", costs=table.processor_time)
    finally:
        remove_database(copy)


def measure_starts(session, rows, copy, jobs):
    session.log("starts")
    repeats = ["--scenario", "start", "--repeats", "10" if session.quick else "20"]
    empty = session.bench(repeats)[0]
    large = session.bench(repeats + ["--database", copy])[0]
    for what, target, report in [("an empty file", 50_000, empty), (jobs, 150_000, large)]:
        rows.bound(
            f"from the start to the first ack, {what}", target, report["p50_us"], table.milliseconds,
            f"slowest {table.milliseconds(report['max_us'])}")


def measure_memory(session, rows, loaded):
    session.log("memory, with 10,000 idle connections at the end")
    idle = session.bench(["--scenario", "start", "--repeats", "5"])[0]
    rows.bound(
        "memory after the first ack", 16e6, idle["resident_bytes"], table.megabytes,
        f"of these {table.megabytes(idle['anonymous_bytes'])} its own, "
        "the rest pages of the program and its libraries")
    if not isinstance(loaded, Failure):
        peak = statistics.median(report["server"]["peak_memory_bytes"] for report in loaded)
        rows.bound("memory under load, the peak", 40e6, peak, table.megabytes)
    report = session.bench(["--scenario", "idle", "--idle-connections", "10000", "--deliveries", "20000"])[0]
    notes = report["notes"]
    rows.bound(
        "memory with 10,000 idle connections", 80e6, notes["idle_resident_bytes"], table.megabytes,
        f"{notes['idle_bytes_per_connection'] / 1e3:.1f} KB each; "
        f"peak with deliveries beside them {table.megabytes(report['server']['peak_memory_bytes'])}")


# Event streams


def measure_streams(session, rows):
    """Deliveries at half of the possible rate, with and without readers of their events, by turns."""
    session.log("2,000 event streams, beside deliveries at half of the possible rate")
    scenario = ["--scenario", "streams", "--deliveries", "20000" if session.quick else "40000"]
    none = ["--streams", "0", "--feeds", "0"]
    possible = statistics.median(lane(session.bench(scenario + none)[0])["per_second"] for _ in range(3))
    paced = scenario + ["--rate", str(int(possible / 2))]
    results = by_turns(session, {
        "with": lambda number: session.bench(paced)[0],
        "without": lambda number: session.bench(paced + none)[0],
    }, rounds=3 if session.quick else 9)
    beside = "beside 2,000 event streams of jobs and 5 of all"
    rows.ratio(
        f"acks/s {beside}, against none", 0.9, results["with"], results["without"], rates, table.per_second,
        "with", "without", costs=lambda ours, theirs: table.p99s(ours, theirs, lane))
    if isinstance(results["with"], Failure):
        return
    ours = results["with"]
    notes = [report["notes"] for report in ours]
    for what, key in [
            ("an event of a job's stream", "event_p99_us"), ("an event of `/events`", "feed_p99_us")]:
        rows.ratio(
            f"p99 of {what}, from the delivery sent, against that of an ack", 2.0, notes, ours,
            lambda reports, key=key: [
                report[key] if key in report else lane(report)["p99_us"] for report in reports],
            table.milliseconds, "event", "ack", smaller_is_better=True)
    rows.bound(
        "memory of an event stream", 12e3, statistics.median(note["bytes_per_stream"] for note in notes),
        lambda count: f"{count / 1e3:.1f} KB")


# What is sent to apps


def measure_callbacks(session, rows):
    """Deliveries at half of the possible rate, with and without callbacks to a slow receiver, by turns."""
    count = 10_000 if session.quick else 50_000
    session.log(f"{count:,} callbacks to a receiver that takes 200 a second, beside deliveries")
    scenario = ["--scenario", "callbacks", "--deliveries", str(count)]
    none = ["--callback-rate", "0"]
    possible = statistics.median(lane(session.bench(scenario + none)[0])["per_second"] for _ in range(3))
    paced = scenario + ["--rate", str(int(possible / 2))]
    results = by_turns(session, {
        "with": lambda number: session.bench(paced)[0],
        "without": lambda number: session.bench(paced + none)[0],
    })
    rows.ratio(
        f"acks/s while {count:,} callbacks wait for a receiver of 200/s, against none", 0.9, results["with"],
        results["without"], rates, table.per_second, "with", "without",
        costs=lambda ours, theirs: table.p99s(ours, theirs, lane))


def main():
    # Processes that were started are ended on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parser = argparse.ArgumentParser(prog="benchmark.sh")
    parser.add_argument("--build", required=True)
    parser.add_argument("--place", required=True)
    parser.add_argument("--nginx", default="")
    parser.add_argument("--left-out", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--archive", action="store_true")
    parser.add_argument("--workflows", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--output")
    parser.add_argument("--figure", required=True)
    options = parser.parse_args()
    session = Session(options)
    start = time.monotonic()
    if options.growth:
        remove_database(session.store)
        return fill(session)

    rows = table.Table()
    facts = machine.facts(session)

    def attempt(measure, *arguments):
        try:
            return measure(session, rows, *arguments)
        except (Failure, subprocess.SubprocessError, OSError, KeyError) as error:
            session.has_failed = True
            session.log(f"{measure.__name__}: {error}")
            rows.failure(name(measure).replace("_", " "), error)
            return Failure(str(error))

    def name(measure):
        return measure.__name__.removeprefix("measure_")

    def attempt_if_wanted(measure, *arguments):
        return attempt(measure, *arguments) if session.wants(name(measure)) else Failure("left out")

    if options.postgresql:
        attempt(measure_postgresql.measure)
    elif options.archive:
        for measure in measure_archive.MEASUREMENTS:
            attempt_if_wanted(measure)
    elif options.workflows:
        for measure in measure_workflows.MEASUREMENTS:
            attempt_if_wanted(measure)
    elif options.page:
        if not isinstance(attempt(fill), Failure):
            for measure in measure_page.MEASUREMENTS:
                attempt_if_wanted(measure)
    else:
        loaded = attempt_if_wanted(measure_deliveries)
        attempt_if_wanted(measure_one_connection)
        attempt_if_wanted(measure_tls)
        attempt_if_wanted(measure_memory, loaded)
        attempt_if_wanted(measure_streams)
        attempt_if_wanted(measure_callbacks)
        if session.wants("large_store") and not isinstance(attempt(fill), Failure):
            attempt(measure_large_store)
    facts.append(("took", f"{(time.monotonic() - start) / 60:.1f} min, {session.rounds} rounds"))
    for name, reason in session.left_out.items():
        facts.append(("left out", f"{name}: {reason}"))
    text = table.document(facts, rows)
    print(text)
    if options.output:
        table.write(text, options.output, mark(options))
    return 1 if session.has_failed else 0


def mark(options):
    """The mark of the place in a document where the table goes."""
    if options.page:
        return "results of the page"
    if options.workflows:
        return "results of workflows"
    return "results of kept files" if options.archive else "results"


if __name__ == "__main__":
    sys.exit(main())
