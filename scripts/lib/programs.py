"""Programs whose first lines say what they need and how they are built and run, and the Debian packages for that.

    Debian: packages    Generate: and Build: shell commands, in this order    Run: the same, for http://127.0.0.1:8080
"""

import os
import re
import shutil
import subprocess

# A language may come from elsewhere than Debian: its package is there when its program is.
PROGRAMS = {"python3": "python3", "nodejs": "node", "node-typescript": "tsc", "golang-go": "go", "ruby": "ruby",
            "default-jdk-headless": "javac", "default-jre-headless": "java", "php-cli": "php", "perl": "perl",
            "gcc": "cc", "g++": "c++", "r-base-core": "Rscript", "cargo": "cargo", "lua5.4": "lua5.4", "tcl": "tclsh",
            "ocaml-nox": "ocamlopt", "nim": "nim", "curl": "curl", "jq": "jq", "swiftlang": "swiftc"}
# How a language or a tool tells its version where its program's --version does not.
VERSIONS = {"go": "go version", "lua5.4": "lua5.4 -v", "ocamlfind": "ocamlopt -version", "sh": "curl --version",
            "openapi-generator-cli": "openapi-generator-cli version",
            "tclsh": "echo 'puts [info patchlevel]' | tclsh"}


def output(command):
    """What a shell command prints."""
    return subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def version(program):
    """What a program calls its own version."""
    return re.search(r"\d+(\.\d+)+", output(VERSIONS.get(program, program + " --version"))).group()


def has_package(name):
    if name in PROGRAMS and shutil.which(PROGRAMS[name]):
        return True
    return not shutil.which("dpkg-query") or "ok installed" in output(f"dpkg-query -W -f '${{Status}}' {name}")


def install(packages):
    """Installs those of the Debian packages that are missing."""
    missing = sorted({package for package in packages if not has_package(package)})
    if not missing:
        return
    sudo = [] if os.getuid() == 0 else ["sudo"]
    print("installing", *missing, flush=True)
    subprocess.run([*sudo, "apt-get", "-qq", "update"], check=True)
    subprocess.run([*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "-y",
                    "--no-install-recommends", *missing], check=True, stdout=subprocess.DEVNULL)


class Program:
    """A program's file, with what its head says of it."""

    def __init__(self, path):
        head = path.read_text(encoding="utf-8")[:1500]
        lines = {key: re.findall(rf"^\W*{key}: (.*)$", head, re.MULTILINE)
                 for key in ("Debian", "Generate", "Build", "Run")}
        self.path = path
        self.packages = " ".join(lines["Debian"]).split()
        self.builds, (self.run_line,) = lines["Generate"] + lines["Build"], lines["Run"]
        self.programs = [line.split()[0] for line in self.builds or [self.run_line]]

    def missing(self):
        """What stands in its way: Debian packages that are not installed, or programs that are not in PATH."""
        wanted = [package for package in self.packages if not has_package(package)]
        return wanted or [program for program in self.programs if not shutil.which(program)]

    def copy(self, folder):
        """Puts its source into the folder where it is built."""
        shutil.copy(self.path, folder)

    def build(self, folder):
        """Copies it to the folder and builds it there; the error, or None."""
        self.copy(folder)
        for line in self.builds:
            done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=900)
            if done.returncode:
                return f"{line}\n{done.stdout}{done.stderr}"
        return None

    def run(self, folder, url):
        return subprocess.run(self.run_line.replace("http://127.0.0.1:8080", url), shell=True, cwd=folder,
                              capture_output=True, text=True, timeout=120)
