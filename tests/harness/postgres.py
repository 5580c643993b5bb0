"""A PostgreSQL of a test's own: Debian's server binaries, a cluster in a temporary directory, no system service."""

import glob
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile

from .daemon import free_port, wait_for


def bin_dir():
    """Of the newest server that is installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    assert found, "PostgreSQL's server is not installed: ./dev setup"
    return pathlib.Path(found[-1]).parent


class Postgres:
    """Runs as the user postgres if we are root (PostgreSQL refuses to be root), else as us. `berth` logs in over TCP
    with a password; the socket in `dir` trusts everybody. With `certificate` (paths of certificate and key) TCP is TLS alone."""

    def __init__(self, addresses="127.0.0.1", certificate=None):
        self.bin = bin_dir()
        self.owner = "postgres" if os.geteuid() == 0 else None
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="berth-pg-"))  # short: the path of a socket is limited
        if self.owner:
            user = pwd.getpwnam(self.owner)
            os.chown(self.dir, user.pw_uid, user.pw_gid)
        self.data = self.dir / "data"
        self.addresses = addresses
        self.port = free_port()
        self.password = secrets.token_hex(16)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
        rules = f"local all all trust\n{'hostssl' if certificate else 'host'} all all all scram-sha-256\n"
        self.run_shell(f"cat > {self.data}/pg_hba.conf", rules)
        self.tls = ""
        if certificate:
            self.tls = "-c ssl=on"
            for name, path in zip(("server.crt", "server.key"), certificate):
                self.run_shell(f"umask 077; cat > {self.data}/{name}", pathlib.Path(path).read_text())
        self.start()
        self.sql(f"CREATE ROLE berth LOGIN PASSWORD '{self.password}'; CREATE DATABASE arvados OWNER berth", "postgres")

    def user(self):
        return {"user": self.owner, "group": self.owner, "extra_groups": []} if self.owner else {}

    def run(self, program, *argv):
        done = subprocess.run([str(self.bin / program), *map(str, argv)], cwd="/", capture_output=True, text=True, timeout=60, **self.user())
        assert done.returncode == 0, done.stdout + done.stderr

    def run_shell(self, text, stdin):
        subprocess.run(["sh", "-c", text], input=stdin, text=True, cwd="/", check=True, timeout=60, **self.user())

    def start(self):
        options = (f"-c listen_addresses='{self.addresses}' -c port={self.port} -c unix_socket_directories={self.dir} -c fsync=off "
                   f"-c max_connections=30 -c shared_buffers=1MB {self.tls}")
        with open(os.devnull) as nothing:
            # Not through a pipe: the server would keep it open.
            done = subprocess.run([str(self.bin / "pg_ctl"), "-D", str(self.data), "-w", "-l", str(self.dir / "log"), "-o", options, "start"],
                                  cwd="/", stdin=nothing, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, **self.user())
        assert done.returncode == 0, (self.dir / "log").read_text()

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split("\n")[0])

    def kill(self):
        """kill -9 of the server: its sessions end, nothing is told to anybody."""
        pid = self.postmaster()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), 10, what="PostgreSQL's end")

    def destroy(self):
        try:
            pid = self.postmaster()
            os.kill(pid, signal.SIGQUIT)
            wait_for(lambda: not alive(pid), 20, what="PostgreSQL's end")
        except (OSError, ValueError):
            pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def psql(self, database="arvados"):
        return ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", str(self.dir), "-p", str(self.port), "-U", "postgres", "-d", database]

    def sql(self, text, database="arvados"):
        done = subprocess.run([*self.psql(database), "-c", "SET client_min_messages = warning", *[a for s in text.split(";") for a in ("-c", s)]],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def holder(self):
        """PID of the server process whose session has the dispatchers' lock, or None."""
        pid = self.sql("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 10005 AND granted")
        return int(pid) if pid else None

    def log_size(self):
        return (self.dir / "log").stat().st_size

    def log_since(self, size):
        return (self.dir / "log").read_bytes()[size:].decode()

    def connection(self, host="127.0.0.1", **changes):
        """For PostgreSQL.Connection."""
        return {"host": host, "port": str(self.port), "user": "berth", "password": self.password, "dbname": "arvados", **changes}


def alive(pid):
    """Whether the process runs; one that has ended and was not waited for counts as gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
