"""The programs that scripts/bench measures softmaxd beside: how each of Benchmarks/Rivals is built and started."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from daemon import ROOT, cpu_seconds, free_port, need

SOURCES = ROOT / "Benchmarks/Rivals"
BUILT = ROOT / ".build/rivals"


class Server:
    """A program in a session of its own, whose processes are counted together."""

    def __init__(self, command, port, **options):
        self.port = port
        self.process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, **options)
        limit = time.monotonic() + 30
        while time.monotonic() < limit:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.1)
        sys.exit(f"{command[0]} did not start")

    def cpu_seconds(self):
        total = 0
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # another's may have ended
                if os.getsid(int(process.name)) == self.process.pid:
                    total += cpu_seconds(process.name)
        return total

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


# The Debian package of each header that a rival includes.
PACKAGES = {"boost/beast.hpp": "libboost-dev", "simdjson.h": "libsimdjson-dev",
            "fast_float/fast_float.h": "libfast-float-dev", "fmt/format.h": "libfmt-dev"}

# What the rival in Python needs from PyPI.
STARLETTE = ["starlette==1.10.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0", "numpy==2.4.6"]


def compiled(name, headers, *flags):
    """The program of NAME.cpp, built now; the script ends with the line to run where one of the headers is missing."""
    missing = [PACKAGES[header] for header in headers if not pathlib.Path("/usr/include", header).exists()]
    if missing:
        sys.exit(f"please run: sudo apt-get install -y {' '.join(missing)}")
    BUILT.mkdir(parents=True, exist_ok=True)
    subprocess.run([need("g++", "g++"), "-std=c++17", "-O3", "-march=native", "-DNDEBUG", "-pthread",
                    str(SOURCES / f"{name}.cpp"), "-o", str(BUILT / name), *flags], check=True)
    return str(BUILT / name)


def peers_python():
    """The Python of the libraries that answers are compared with, PyTorch and NumPy among them."""
    command = "source scripts/lib/tools.sh; peers_with numpy; echo $PYTHON"
    return subprocess.run(["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()[-1]


def beast(name, *flags):
    """Boost.Beast, which answers JSON or raw tensors."""
    headers = ["boost/beast.hpp"] + (["simdjson.h"] if name == "json" else [])
    port = free_port()
    return Server([compiled(name, headers, *flags), str(port)], port)


def starlette():
    """Starlette and NumPy under uvicorn, one process for each core."""
    folder, port = BUILT / "venv", free_port()
    if not folder.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(folder / "bin/pip"), "install", "-q", *STARLETTE], check=True)
    return Server([str(folder / "bin/uvicorn"), "tensors:app", "--port", str(port), "--workers", str(os.cpu_count()),
                   "--no-access-log", "--log-level", "warning"], port, cwd=SOURCES)
