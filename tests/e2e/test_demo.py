"""The demo itself: it cleans up after itself, however it ends."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from harness import bed as beds
from harness.daemon import wait_for
from harness.processes import mentioning

DEMO = pathlib.Path(__file__).resolve().parents[1] / "demo/demo.py"


@pytest.fixture
def demo(bin_dir, tmp_path):
    """Starts the demo with its files below tmp_path; what still runs of it at the end is killed."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, DEMO, "--bin", bin_dir, "--jobs", "12", *arguments], text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"})
        started.append(process)
        return process

    yield start
    for pid in [p.pid for p in started if p.poll() is None] + list(processes_of(tmp_path)):
        os.kill(pid, signal.SIGKILL)


def processes_of(directory):
    """Name by PID of the berthd and berth-run whose command line or environment names the directory."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            name = (entry / "comm").read_text().strip() if entry.name.isdigit() else ""
            if name.startswith("berth") and str(directory).encode() in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                found[int(entry.name)] = name
        except OSError:
            continue
    return found


def daemon_of(directory):
    """PID of the demo's berthd, once something runs there."""
    names = processes_of(directory)
    if any(name.startswith("berth-run") for name in names.values()):
        return next((pid for pid, name in names.items() if name == "berthd"), None)
    return None


def left_behind(directory):
    return [path for path in directory.iterdir() if path.name.startswith("berth-demo-")]


def test_every_outcome_is_right(demo, tmp_path):
    process = demo()
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert "12 of 12 outcomes as expected" in output and "priorities kept" in output
    assert not left_behind(tmp_path) and not processes_of(tmp_path)


def test_daemon_that_dies(demo, tmp_path):
    process = demo()
    os.kill(wait_for(lambda: daemon_of(tmp_path), what="something runs"), signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 1 and "Traceback" not in output, output
    assert "berthd ended in the middle" in output
    assert not left_behind(tmp_path)
    wait_for(lambda: not processes_of(tmp_path), what="nothing runs any more")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(demo, tmp_path, number):
    process = demo()
    wait_for(lambda: daemon_of(tmp_path), what="something runs")
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "Traceback" not in output, output
    assert "interrupted" in output and not left_behind(tmp_path)
    wait_for(lambda: not processes_of(tmp_path), what="nothing runs any more")


def test_kept(demo, tmp_path, bin_dir):
    """The three commands for a newcomer and the one that ends it work as they are printed."""
    process = demo("--keep")
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    submit, queue, logs, end = re.findall(r"^    (.+)$", output, re.MULTILINE)[-4:]

    def shell(command):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    uuid = shell(submit).strip()
    assert uuid in shell(queue)
    assert shell(logs.replace("UUID", uuid)).splitlines() == [f"hello {i}" for i in range(1, 6)]
    shell(end)
    assert not left_behind(tmp_path) and not processes_of(tmp_path)


needs_bed = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))


def gone(directory):
    return not mentioning(str(directory)) and not beds.ip("-br", "link", "show", "type", "veth") and not left_behind(directory)


@needs_bed
def test_over_ssh(demo, tmp_path):
    process = demo("--ssh")
    output = process.communicate(timeout=240)[0]
    assert process.returncode == 0, output
    assert "12 of 12 outcomes as expected" in output and re.search(r"[1-9]\d* hosts were made", output)
    wait_for(lambda: gone(tmp_path), what="all is cleaned up")


@needs_bed
def test_over_ssh_interrupted(demo, tmp_path):
    process = demo("--ssh")
    wait_for(lambda: any(mentioning(f"{path}/bed/host1/sshd_config") for path in left_behind(tmp_path)), what="a host is up")
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130 and "Traceback" not in output, output
    assert "interrupted" in output
    wait_for(lambda: gone(tmp_path), what="all is cleaned up")
