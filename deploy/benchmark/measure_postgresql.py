"""The measurements with PostgreSQL: client, receivers, primary and standby share this machine."""

import contextlib
import os
import statistics
import subprocess

import postgresql
import receivers
import table
from postgresql import Server
from receivers import Failure, unused_port

# Half of a round trip of 0.7 ms, in microseconds.
ONE_WAY = 350


class Setup:
    """The primary, and what is started for one measurement."""

    def __init__(self, session):
        self.session = session
        self.primary = Server.primary(f"{session.place}/primary")
        self.standby = None

    def stop(self):
        self.detach()
        self.primary.stop()

    def attach(self):
        self.standby = self.primary.standby(f"{self.session.place}/standby")
        self.primary.wait_for_standby(True)

    def detach(self):
        if self.standby:
            self.primary.query("ALTER SYSTEM SET synchronous_standby_names = ''")
            self.primary.query("SELECT pg_reload_conf()")
            self.standby.stop()
            self.standby = None

    def yardstick(self, options=(), writers=1, host="127.0.0.1", port=None, database=None):
        def command(listener, url):
            return [f"{self.session.build}/yardstick", "postgresql", str(listener), url, str(writers)], {}
        return self.deliver(command, 1, options, host, port, database)

    def daemon(self, options=(), count=1, host="127.0.0.1", port=None, database=None):
        def command(listener, url):
            environment = {
                "DATABASE_URL": url, "WEBHOOK_LISTEN": f"127.0.0.1:{listener}", "LOG_LEVEL": "warning",
                "API_LISTEN": f"127.0.0.2:{unused_port()}"}
            return [f"{self.session.build}/../release/replicate-webhookd", "serve"], environment
        return self.deliver(command, count, options, host, port, database)

    def deliver(self, command, count, options, host, port, database):
        """The report of a run, with PostgreSQL's processor time; in a new database unless one is given."""
        session = self.session
        with contextlib.ExitStack() as stack:
            database = database or stack.enter_context(self.primary.database())
            path = stack.enter_context(receivers.folder(session.place))
            url = self.primary.url(database, host=host, port=port)
            before = stored(self.primary, database)
            listeners = []
            for number in range(count):
                listener = unused_port()
                arguments, environment = command(listener, url)
                environment["REPLICATE_WEBHOOK_SECRET"] = receivers.SECRET
                process = stack.enter_context(
                    receivers.running(arguments, listener, f"{path}/log{number}", environment))
                listeners.append((f"http://127.0.0.1:{listener}/webhooks/replicate", process))
            arguments = ["--url", listeners[0][0], "--pid", str(listeners[0][1])]
            for other, _ in listeners[1:]:
                arguments += ["--other-url", other]
            # A dirty buffer of the measurement before would be written during this one.
            self.primary.query("CHECKPOINT")
            used = [server.processor_seconds() for server in self.servers()]
            report = session.bench(
                arguments + ["--deliveries", str(session.deliveries), "--seconds", "120"] + list(options),
                {"REPLICATE_WEBHOOK_SECRET": receivers.SECRET})[0]
            used = [server.processor_seconds() - start for server, start in zip(self.servers(), used)]
            answers = report["lanes"]["deliveries"]["answers"]
            report["postgresql_us"] = 1e6 * used[0] / answers
            report["standby_us"] = 1e6 * used[1] / answers if len(used) > 1 else 0
            if stored(self.primary, database) - before < answers:
                raise Failure(f"{answers} deliveries were acknowledged, and fewer are stored")
            return report

    def servers(self):
        return [self.primary] + ([self.standby] if self.standby else [])


def stored(server, database):
    """How many deliveries there are; none before there is a table."""
    if server.query("SELECT to_regclass('deliveries')", database) == "":
        return 0
    return int(server.query("SELECT count(*) FROM deliveries", database))


def costs(ours, theirs):
    def times(reports):
        parts = [("receiver", lambda report: report["server"]["cpu_us_per_request"])]
        parts += [("PostgreSQL", lambda report: report.get("postgresql_us", 0))]
        parts += [("standby", lambda report: report.get("standby_us", 0))]
        medians = [(name, statistics.median(map(read, reports))) for name, read in parts]
        return " + ".join(f"{name} {value:.0f}" for name, value in medians if value)

    return f"CPU a delivery {times(ours)} against {times(theirs)} µs"


def measure(session, rows):
    """Adds all rows. Raises where PostgreSQL is not installed."""
    if not postgresql.programs():
        raise Failure("PostgreSQL is not installed")
    setup = Setup(session)
    try:
        for part in [measure_local, measure_receivers, measure_distance, measure_loads, measure_standby,
                     measure_size]:
            name = part.__name__.removeprefix("measure_")
            if not session.wants(name):
                continue
            try:
                part(session, setup, rows)
            except (Failure, subprocess.SubprocessError, OSError, KeyError) as error:
                session.has_failed = True
                session.log(f"{part.__name__}: {error}")
                rows.failure(name, error)
    finally:
        setup.stop()


def ratio(session, rows, what, target, name, ours, other, theirs, figures=None, **options):
    rows.ratio(
        what, target, ours, theirs, figures or session.rates, table.per_second, name, other,
        **{"costs": costs, **options})


def measure_local(session, setup, rows):
    session.log("local: the yardstick, the daemon on PostgreSQL and on SQLite")
    results = session.by_turns({
        "yardstick": lambda number: setup.yardstick(),
        "daemon": lambda number: setup.daemon(),
        "sqlite": lambda number: session.deliver(),
    })
    daemon = results["daemon"]
    ratio(session, rows, "acks/s on PostgreSQL, local, against the yardstick", 0.7, "daemon", daemon,
          "yardstick", results["yardstick"])
    ratio(session, rows, "the same against the daemon on SQLite", 0.6, "PostgreSQL", daemon, "SQLite",
          results["sqlite"])
    rows.ratio(
        "PostgreSQL's CPU a delivery, against the yardstick's", 1.4, daemon, results["yardstick"],
        lambda reports: [report["postgresql_us"] for report in reports], lambda value: f"{value:.0f} µs",
        "daemon", "yardstick", smaller_is_better=True)


def measure_receivers(session, setup, rows):
    session.log("three receivers, against one")
    results = session.by_turns({
        "three": lambda number: setup.daemon(count=3),
        "one": lambda number: setup.daemon(),
    })
    ratio(session, rows, "three receivers in sum, against one", 0.8, "three", results["three"], "one",
          results["one"])


def measure_distance(session, setup, rows):
    session.log("0.7 ms to the database, against loopback")
    port = unused_port()
    relay = [f"{session.build}/relay", str(port), str(setup.primary.port), str(ONE_WAY)]
    # A host that is not written as loopback, so that the daemon uses two writers as for another machine.
    with receivers.running(relay, port, f"{session.place}/relay.log"):
        results = session.by_turns({
            "far": lambda number: setup.daemon(host="[::ffff:127.0.0.1]", port=port),
            "near": lambda number: setup.daemon(),
        })
    ratio(session, rows, "a round trip of 0.7 ms, two writers, against loopback", 0.7, "0.7 ms",
          results["far"], "loopback", results["near"])


def measure_loads(session, setup, rows):
    session.log("repeats, and lives of four deliveries")
    results = session.by_turns({
        "one": lambda number: setup.daemon(),
        "repeats": lambda number: setup.daemon(["--duplicate-percent", "10"]),
        "lives": lambda number: setup.daemon(["--life", "4"]),
    })
    ratio(session, rows, "10 % of the deliveries repeated, against none", 0.8, "repeats", results["repeats"],
          "none", results["one"])
    ratio(session, rows, "lives of four deliveries, against one a job", 0.75, "four", results["lives"], "one",
          results["one"])


def measure_standby(session, setup, rows):
    session.log("a synchronous standby on this machine, against none")

    def beside_standby(measurement):
        setup.attach()
        try:
            return measurement()
        finally:
            setup.detach()

    results = session.by_turns({
        "yardstick": lambda number: beside_standby(setup.yardstick),
        "standby": lambda number: beside_standby(setup.daemon),
        "none": lambda number: setup.daemon(),
    })
    ratio(session, rows, "a synchronous standby on the same machine, against none", 0.55, "standby",
          results["standby"], "none", results["none"])
    ratio(session, rows, "beside the standby, against the yardstick", 0.7, "daemon", results["standby"],
          "yardstick", results["yardstick"])


def measure_size(session, setup, rows):
    session.log(f"{session.jobs:,} jobs with random ids, against none")
    with setup.primary.database() as full:
        # A run ends before the signatures that were made before it expire, on a slow machine with a part.
        while (count := stored(setup.primary, full)) < session.jobs:
            wanted = min(200_000, session.jobs - count)
            setup.daemon(["--deliveries", str(wanted), "--seconds", "240"], database=full)
            session.log(f"{count + wanted:,} jobs")
        results = session.by_turns({
            "full": lambda number: setup.daemon(database=full),
            "empty": lambda number: setup.daemon(),
        })
        size = setup.primary.query("SELECT pg_size_pretty(pg_database_size(current_database()))", full)
    ratio(session, rows, f"{session.jobs:,} jobs stored, random ids, against none ({size})", 0.75, "full",
          results["full"], "none", results["empty"])
