"""The programs that are measured side by side, each started on a new database and ended by its process id."""

import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


class Failure(Exception):
    """A measurement that failed; its text goes into the table."""


def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def folder(place):
    """A temporary folder on the disk that is measured."""
    path = tempfile.mkdtemp(prefix="run-", dir=place)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def running(command, port, log, environment=None, seconds=30):
    """A program that listens on `port`; SIGTERM at the end, SIGKILL ten seconds later."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env={**os.environ, **(environment or {})})
    try:
        deadline = time.monotonic() + seconds
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                with open(log, errors="replace") as text:
                    end = text.read()[-300:].strip()
                raise Failure(f"{os.path.basename(command[0])} does not start: {end}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Peer:
    """A receiver other than the daemon. `command` returns its command line for a port and a database."""

    def __init__(self, name, command):
        self.name = name
        self.command = command

    def deliver(self, bench, place, options, seconds):
        """The report of a run on a new database. Raises if the peer has stored less than it acknowledged."""
        with folder(place) as path:
            port, database = unused_port(), f"{path}/peer.db"
            environment = {"PORT": str(port), "DATABASE": database, "REPLICATE_WEBHOOK_SECRET": SECRET}
            with running(self.command(port, database), port, f"{path}/log", environment) as process:
                report = bench(
                    ["--url", f"http://127.0.0.1:{port}/webhooks/replicate", "--pid", str(process),
                     "--seconds", str(seconds)] + options, {"REPLICATE_WEBHOOK_SECRET": SECRET})[0]
            answers = report["lanes"]["deliveries"]["answers"]
            connection = sqlite3.connect(database)
            stored = connection.execute("SELECT count(*) FROM deliveries").fetchone()[0]
            connection.close()
            if stored < answers:
                raise Failure(f"{self.name} acknowledged {answers} deliveries and stored {stored}")
            return report


def peers(build):
    """The peers that deploy/benchmark.sh has built into `build`."""
    return {
        "yardstick": Peer(
            "the yardstick", lambda port, file: [f"{build}/yardstick", "serve", str(port), file]),
        "hummingbird": Peer(
            "Hummingbird + GRDB",
            lambda port, file: [f"{build}/hummingbird-grdb/release/hummingbird-receiver"]),
        "go": Peer("Go net/http + mattn/go-sqlite3", lambda port, file: [f"{build}/go-receiver"]),
        "fastapi": Peer(
            "FastAPI", lambda port, file: [
                f"{build}/fastapi/bin/python", "-m", "uvicorn", "receiver:app", "--app-dir",
                f"{os.path.dirname(os.path.abspath(__file__))}/fastapi", "--host", "127.0.0.1",
                "--port", str(port), "--no-access-log", "--log-level", "warning"]),
    }


NGINX = """
daemon off;
worker_processes 1;
pid {path}/nginx.pid;
error_log {path}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {path}/body;
  proxy_temp_path {path}/proxy;
  fastcgi_temp_path {path}/fastcgi;
  uwsgi_temp_path {path}/uwsgi;
  scgi_temp_path {path}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(program, place):
    """An nginx that answers every request with an empty 200; the value is its port."""
    with folder(place) as path:
        port = unused_port()
        with open(f"{path}/nginx.conf", "w") as file:
            file.write(NGINX.format(path=path, port=port))
        command = [program, "-e", f"{path}/error.log", "-p", path, "-c", f"{path}/nginx.conf"]
        with running(command, port, f"{path}/log"):
            yield port
