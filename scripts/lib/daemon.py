"""What the scripts that need a live server share: a softmaxd of their own, what /proc says of it, and the verdict."""

import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUESTION = json.dumps({"logits": [40, 0], "target": 0}).encode()
ANSWER = {"loss": 4.248354255291589e-18, "gradient": [-4.248354255291589e-18, 4.248354255291589e-18]}
JSON = {"Content-Type": "application/json"}


def binary():
    """$SOFTMAXD, or the release build, made now and remembered."""
    if "SOFTMAXD" in os.environ:
        return os.environ["SOFTMAXD"]
    build = ["swift", "build", "-c", "release", "--product", "softmaxd"]
    subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run([*build, "--show-bin-path"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    os.environ["SOFTMAXD"] = str(pathlib.Path(folder.strip()) / "softmaxd")
    return os.environ["SOFTMAXD"]


def need(program, package):
    """The path of a program; without it the script ends with the line to run. (scripts/test installs what it needs.)"""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    found = shutil.which(program)
    if not found:
        sys.exit(f"please run: sudo apt-get install -y {package}")
    return found


def raise_descriptor_limit():
    """This process's soft limit up to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def stat(pid):
    """What /proc/…/stat says of a process, from its state on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid):
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_share(pid, seconds):
    """The share of one processor that a process uses in the next seconds."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / seconds


class MemoryLimit:
    """A control group with a memory limit, of either version; RLIMIT_AS if asked for, or where no group can be made."""

    def __init__(self, size, by_address_space=False):
        self.size = size
        self.group = self.peak_file = self.sockets_file = None
        if by_address_space:
            return
        name = f"softmaxd-fault-{os.getpid()}-{time.monotonic_ns()}"
        for parent, limit, peak in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
                                    ("/sys/fs/cgroup", "memory.max", "memory.peak")]:
            group = pathlib.Path(parent) / name
            try:
                if parent == "/sys/fs/cgroup" and not pathlib.Path(parent, "cgroup.controllers").exists():
                    continue
                group.mkdir()
                (group / limit).write_text(str(size))
                self.group, self.peak_file = group, group / peak
                # Version 2 counts what the kernel holds for sockets in the limit; version 1 apart, once it has one.
                sockets = group / "memory.kmem.tcp.limit_in_bytes"
                if sockets.exists():
                    sockets.write_text(str(1 << 40))
                    self.sockets_file = group / "memory.kmem.tcp.max_usage_in_bytes"
                return
            except OSError:
                if group.exists():
                    group.rmdir()

    def __str__(self):
        return f"{'control group' if self.group else 'RLIMIT_AS'} of {self.size >> 20} MiB"

    def enter(self):
        """Puts the calling process under the limit."""
        if self.group:
            (self.group / "cgroup.procs").write_text(str(os.getpid()))
        else:
            resource.setrlimit(resource.RLIMIT_AS, (self.size, self.size))

    def peak(self):
        """Most MB that the group has held, those of its sockets in the kernel included; or None."""
        files = [file for file in (self.peak_file, self.sockets_file) if file and file.exists()]
        return sum(int(file.read_text()) for file in files) / (1 << 20) if files else None

    def remove(self):
        for _ in range(50 if self.group else 0):
            try:
                self.group.rmdir()
                return
            except OSError:
                time.sleep(0.1)


class Daemon:
    """A running softmaxd on 127.0.0.1; `memory` bounds its bytes from outside, `by_address_space` with RLIMIT_AS."""

    def __init__(self, *options, port=0, descriptors=None, memory=None, by_address_space=False, program=None):
        self.memory = MemoryLimit(memory, by_address_space) if memory else None

        def limit():
            if self.memory:
                self.memory.enter()
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        self.log = open(os.devnull, "wb")
        self.process = subprocess.Popen([program or binary(), "--port", str(port), *options], stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, preexec_fn=limit)
        found = None
        for line in self.process.stdout:
            found = re.search(r"http://\S+:(\d+)", line)
            if found:
                break
        if not found:
            sys.exit("softmaxd did not start")
        self.port = int(found.group(1))
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.memory:
            self.memory.remove()

    def megabytes(self, field="VmRSS"):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status).group(1)) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def page_faults(self):
        """Pages that were first touched, so far."""
        return int(stat(self.pid)[7])

    def settle(self, descriptors, faults, seconds=30):
        """Waits until no more than this many descriptors are open; returns how many are, a fault if they are more."""
        limit = time.monotonic() + seconds
        while self.descriptors() > descriptors and time.monotonic() < limit:
            time.sleep(0.1)
        left = self.descriptors()
        if left > descriptors:
            faults.append(f"{left - descriptors} descriptors were not closed")
        return left

    def ask(self, path="/gradient", body=QUESTION, timeout=5):
        """(status, body) of one request on a connection of its own; (0, reason) when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST" if body is not None else "GET", path, body, JSON if body is not None else {})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def is_right(self):
        status, body = self.ask()
        return status == 200 and {key: json.loads(body)[key] for key in ANSWER} == ANSWER

    def is_alive(self):
        return self.ask("/livez", None)[0] == 200

    def stop(self, seconds=60):
        """SIGTERM; returns the exit code, or None if it did not end in time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def must_stop(self, faults, what=""):
        """Stops it, and adds to the faults an exit code that is not 0."""
        code = self.stop()
        if code != 0:
            faults.append(f"{what}exit code {code} after SIGTERM")


def verdict(name, faults, figures):
    """Prints the one line that counts and ends the script: exit code 0 if there are no faults."""
    for fault in faults:
        print(f"  fault: {fault}")
    print(f"{'FAIL' if faults else 'PASS'} {name}: {figures}")
    sys.exit(1 if faults else 0)


def start_wrk(port, seconds, connections):
    """wrk with load.lua against the port, in the background."""
    tool = need("wrk", "wrk")
    return subprocess.Popen([tool, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s",
                             str(ROOT / "scripts/lib/load.lua"), f"http://127.0.0.1:{port}"],
                            stdout=subprocess.PIPE, text=True)


def finish_wrk(process):
    """What load.lua counted: requests and errors by kind, and the 99th percentile of latency in ms."""
    output, _ = process.communicate(timeout=120)
    return json.loads(output.strip().splitlines()[-1])


def losses(counted):
    """The errors among them, by kind."""
    return {kind: counted[kind] for kind in ("connect", "read", "write", "status", "timeout") if counted[kind]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
