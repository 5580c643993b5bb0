"""Starts, kills and stops a standalone berthd."""

import os
import pathlib
import signal
import socket
import subprocess
import time

from .client import Client
from .processes import end_runners, processes_with


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, timeout=60, interval=0.02, what="condition"):
    """Polls until `condition()` is true and returns its value; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout} s")
        time.sleep(interval)


class Daemon:
    """One berthd --standalone on `data_dir`. The same port serves every start, as with a real installation."""

    def __init__(self, bin_dir, data_dir, *flags, program="berthd", address="127.0.0.1", environment=None):
        self.program, self.address, self.environment = program, address, {**os.environ, **(environment or {})}
        self.bin = pathlib.Path(bin_dir)
        self.data_dir = pathlib.Path(data_dir)
        self.flags = flags
        self.port = free_port()
        self.process = None
        self.client = None
        self.preexec_fn = None  # called in the new process before it becomes berthd
        self.own_group = False  # whether it is left alone by Ctrl-C at the terminal

    def start(self):
        self.log_path = self.data_dir.with_name(self.data_dir.name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.bin / self.program, "--standalone", "--data-dir", self.data_dir, "--listen", f"{self.address}:{self.port}", *self.flags],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment,
                preexec_fn=self.preexec_fn, process_group=0 if self.own_group else None)
        line = self.process.stdout.readline()
        if "listening on" not in line:
            raise RuntimeError(f"berthd did not start (exit code {self.process.wait(10)}); the end of its log:\n{self.log_tail()}")
        self.client = Client(self.data_dir)
        return self.client

    def log_tail(self, lines=30):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """kill -9: nothing is told, nothing is closed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        """SIGTERM; the exit code. Containers that run are left alone."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            return self.process.wait(15)
        return self.process.returncode if self.process else None

    def runners(self):
        """PIDs of runner processes, guards included, that work for this data directory."""
        return processes_with("BERTH_LOCK_DIR", self.data_dir)

    def destroy(self):
        """Ends the daemon, every runner that it left behind and their commands."""
        try:
            self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.kill()
            end_runners(self.data_dir)
