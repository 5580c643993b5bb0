"""Processes by what is in their environment or command line."""

import os
import pathlib
import signal
import time


def processes_with(variable, directory):
    """PIDs of processes whose variable names that directory or something in it."""
    starts = {f"{variable}={spelling}".encode() for spelling in (directory, os.path.realpath(directory))}

    def fits(value):
        return any(value == start or value.startswith(start + b"/") for start in starts)
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and any(fits(value) for value in pathlib.Path(entry.path, "environ").read_bytes().split(b"\0")):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def mentioning(text):
    """Processes whose command line has the text."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and text.encode() in pathlib.Path(entry.path, "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def end_runners(directory, timeout=10):
    """Kills the runners whose locks are in that directory, and their commands, until none are left. Runners that are asked to end
    would go on for a quarter of an hour, trying to tell a daemon that is gone."""
    end = time.monotonic() + timeout
    while pids := processes_with("BERTH_LOCK_DIR", directory) + processes_with("BERTH_RUN_LOCK", directory):
        if time.monotonic() > end:
            raise TimeoutError(f"processes {pids} cannot be killed")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)
