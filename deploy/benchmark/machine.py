"""The machine that the numbers were measured on."""

import os
import platform
import subprocess
import time


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def field(file, name):
    with open(file) as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def system():
    with open("/etc/os-release") as lines:
        names = (line.split("=", 1)[1].strip().strip('"') for line in lines if line.startswith("PRETTY_NAME"))
        return next(names, "")


def facts(session):
    """Pairs of a name and a text, in the order of the table."""
    syncs = session.yardstick("sync", 500)
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) * 1024 / 2**30
    # Type and free bytes of the file system.
    disk = output("df", "-B1", "--output=fstype,avail", session.place).splitlines()[-1].split()
    commit = output("git", "rev-parse", "--short=12", "HEAD")
    changed = "" if not output("git", "status", "--porcelain", "--untracked-files=no") else ", with changes"
    return [
        ("date", time.strftime("%Y-%m-%d %H:%M %Z")),
        ("commit", f"{commit}{changed}"),
        ("machine", f"{os.cpu_count()} × {field('/proc/cpuinfo', 'model name')}, {memory:.0f} GiB, "
                    f"{virtualization()}"),
        ("system", f"{system()}, Linux {platform.release()}"),
        ("file system", f"{disk[0]}, {int(disk[1]) / 1e9:.0f} GB free"),
        ("4 KiB appended and synced", f"p50 {syncs['p50_us']:.0f} µs, p99 {syncs['p99_us']:.0f} µs"),
        ("load before", f"{os.getloadavg()[0]:.2f}"),
    ]


def virtualization():
    with open("/proc/cpuinfo") as text:
        return "virtual" if "hypervisor" in text.read() else "not virtual"
