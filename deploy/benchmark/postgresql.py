"""PostgreSQL servers for the measurements: a primary and a standby in folders of their own, not as root."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import time

from receivers import Failure, unused_port

CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
shared_buffers = 1GB
max_wal_size = 4GB
max_connections = 100
jit = off
log_min_messages = warning
autovacuum_naptime = 15s
wal_retrieve_retry_interval = 200ms
"""


def programs():
    """The folder of the newest server that is installed; None if there is none."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    return next((path for path in reversed(folders) if os.path.exists(f"{path}/initdb")), None)


def unprivileged(command):
    """The server refuses to run as root."""
    if not is_root():
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] + command


def is_root():
    return os.geteuid() == 0


def run(*command):
    done = subprocess.run(unprivileged(list(command)), capture_output=True, text=True, cwd="/", timeout=300)
    if done.returncode != 0:
        raise Failure(f"{os.path.basename(command[0])}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


class Server:
    """A running server. `path` is its folder, which must not be there yet."""

    def __init__(self, path, port=None):
        self.path = path
        self.port = port or unused_port()
        self.process = None

    @classmethod
    def primary(cls, path):
        server = cls(path)
        server.make_folder()
        run(f"{programs()}/initdb", "-D", path, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        server.start()
        return server

    def standby(self, path, through=None):
        """A standby of this server, which receives through the port of a relay if there is one."""
        server = Server(path)
        server.make_folder()
        source = f"host=127.0.0.1 port={through or self.port} user=postgres application_name=standby"
        run(f"{programs()}/pg_basebackup", "-d", source, "-D", path, "-R", "-X", "stream", "-c", "fast")
        server.start()
        return server

    def make_folder(self):
        os.mkdir(self.path, 0o700)
        if is_root():
            user = pwd.getpwnam("postgres")
            os.chown(self.path, user.pw_uid, user.pw_gid)

    def start(self):
        self.configure()
        log = open(f"{self.path}.log", "ab")
        self.process = subprocess.Popen(
            unprivileged([f"{programs()}/postgres", "-D", self.path]),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        log.close()
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(Failure):
                self.query("SELECT 1")
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(f"{self.path}.log", errors="replace") as text:
                    raise Failure(f"PostgreSQL does not start: {text.read()[-300:].strip()}")
            time.sleep(0.05)

    def configure(self):
        with open(f"{self.path}/measured.conf", "w") as file:
            file.write(CONFIGURATION.format(port=self.port))
        os.chmod(f"{self.path}/measured.conf", 0o644)
        with open(f"{self.path}/postgresql.conf", "r+") as file:
            if "measured.conf" not in file.read():
                file.write("include 'measured.conf'\n")

    def url(self, database, host="127.0.0.1", port=None):
        return f"postgresql://postgres@{host}:{port or self.port}/{database}"

    def query(self, text, database="postgres"):
        return run(
            f"{programs()}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d",
            f"postgresql://postgres@127.0.0.1:{self.port}/{database}", "-c", text)

    def wait_for_standby(self, is_synchronous):
        names = "standby" if is_synchronous else ""
        self.query(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.query("SELECT pg_reload_conf()")
        wanted = "sync" if is_synchronous else "async"
        for _ in range(200):
            if self.query("SELECT sync_state FROM pg_stat_replication") == wanted:
                return
            time.sleep(0.1)
        raise Failure("the standby does not connect")

    @contextlib.contextmanager
    def database(self, template="template1"):
        """The name of a new database."""
        name = f"run_{time.monotonic_ns()}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.query(f"DROP DATABASE {name} WITH (FORCE)")

    def processor_seconds(self):
        """What the server and its backends have used, also those that have ended."""
        return sum(_seconds(pid, with_children=pid == self.process.pid) for pid in self.processes())

    def processes(self):
        text = ""
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                text = file.read()
        return [self.process.pid] + [int(pid) for pid in text.split()]

    def stop(self):
        """Stops it, and removes its folder."""
        if self.process and self.process.poll() is None:
            # A fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.path, ignore_errors=True)


def _seconds(pid, with_children):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        # User and system time of the process, and of children that were waited for: proc(5), from field 14.
        fields = file.read().rsplit(")", 1)[1].split()[11:15]
        return sum(map(int, fields if with_children else fields[:2])) / os.sysconf("SC_CLK_TCK")
    return 0
