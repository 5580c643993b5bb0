"""The service manager's side: units, sd_notify, the watchdog, the journal."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness.daemon import free_port
from harness.service import config_text

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("unit, most", [("berthd.service", 2.0), ("berthd-standalone.service", 5.0)])
def test_units_are_hardened(unit, most):
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", ROOT / "systemd" / unit],
                         capture_output=True, text=True, check=True).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", out)
    assert exposure, out
    assert float(exposure[1]) <= most, out


def verify(directory, unit):
    # /usr/bin/berthd is where packages put it; the check wants it to be there.
    for file in directory.rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("/usr/bin/berthd", "/bin/true"))
    return subprocess.run(["systemd-analyze", "verify", "--man=no", directory / unit], capture_output=True, text=True)


def settings(path):
    """Of a unit file: {section: {key: values}}."""
    found, section = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


# What the service is promised to do under its manager. None: the key is left out.
BOTH_UNITS = {("Unit", "StartLimitIntervalSec"): "0", ("Service", "Type"): "notify", ("Service", "Restart"): "always",
              ("Service", "RestartSec"): "1", ("Service", "RestartPreventExitStatus"): "2", ("Service", "WatchdogSec"): "30",
              ("Service", "TimeoutStopSec"): "15", ("Service", "NotifyAccess"): "main", ("Service", "User"): "berth",
              ("Service", "DynamicUser"): None, ("Service", "NoNewPrivileges"): "yes", ("Install", "WantedBy"): "multi-user.target"}
UNITS = {
    "berthd.service": {
        ("Unit", "AssertPathExists"): "/etc/arvados/config.yml", ("Service", "EnvironmentFile"): "-/etc/arvados/environment",
        ("Service", "Environment"): "AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null",
        ("Service", "ExecStart"): "/usr/bin/berthd $EXTRA_OPTS", ("Service", "ExecReload"): "/bin/kill -HUP $MAINPID",
        ("Service", "AmbientCapabilities"): "CAP_DAC_READ_SEARCH", ("Service", "CapabilityBoundingSet"): "CAP_DAC_READ_SEARCH",
        ("Service", "KillMode"): None, ("Service", "StateDirectory"): None},
    "berthd-standalone.service": {
        ("Unit", "AssertPathExists"): None, ("Service", "ExecStart"): "/usr/bin/berthd --standalone --data-dir /var/lib/berth $EXTRA_OPTS",
        ("Service", "ExecReload"): "/bin/kill -HUP $MAINPID", ("Service", "KillMode"): "process", ("Service", "StateDirectory"): "berth",
        ("Service", "AmbientCapabilities"): None},
}


@pytest.mark.parametrize("unit", UNITS)
def test_units_say_what_is_promised(unit):
    found = settings(ROOT / "systemd" / unit)
    for (section, key), value in {**BOTH_UNITS, **UNITS[unit]}.items():
        assert found[section].get(key) == (None if value is None else [value]), key


def test_the_drop_in_for_workers_on_this_machine(tmp_path):
    shutil.copy(ROOT / "systemd/berthd.service", tmp_path)
    shutil.copytree(ROOT / "config/systemd/berthd.service.d", tmp_path / "berthd.service.d")
    result = verify(tmp_path, "berthd.service")
    assert result.returncode == 0 and "loopback.conf" not in result.stderr, result.stderr
    found = settings(ROOT / "config/systemd/berthd.service.d/loopback.conf")["Service"]
    assert (found["KillMode"], found["StateDirectory"]) == (["process"], ["berth"])


@pytest.mark.parametrize("unit", ["berthd.service", "berthd-standalone.service"])
def test_units_are_well_formed(tmp_path, unit):
    shutil.copy(ROOT / "systemd" / unit, tmp_path)
    result = verify(tmp_path, unit)
    assert result.returncode == 0 and unit not in result.stderr, result.stderr


def test_the_drop_in_replaces_only_the_program(tmp_path):
    unit = "arvados-dispatch-cloud.service"
    (tmp_path / unit).write_text("[Unit]\nDescription=the other one\n[Service]\nType=notify\nExecStart=/bin/false $EXTRA_OPTS\n")
    shutil.copytree(ROOT / "config/systemd" / (unit + ".d"), tmp_path / (unit + ".d"))
    result = verify(tmp_path, unit)
    assert result.returncode == 0, result.stderr
    settings = [line.split("=")[0] for line in (tmp_path / (unit + ".d") / "berth.conf").read_text().splitlines()
                if "=" in line and not line.startswith("#")]
    assert settings == ["ExecStart", "ExecStart"]


class Manager:
    """A datagram socket where a service manager would listen."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(20)
        self.path = path

    def receive(self):
        return self.socket.recv(4096).decode()

    def receive_until(self, wanted):
        """Messages up to and including the first that has the line `wanted`."""
        seen = []
        while not seen or wanted not in seen[-1].splitlines():
            seen.append(self.receive())
        return seen


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.socket.close()


def test_readiness_watchdog_and_end_are_told(bin_dir, tmp_path, manager):
    port = free_port()
    environment = dict(os.environ, NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="600000")
    process = subprocess.Popen([bin_dir / "berthd", "--standalone", "--data-dir", tmp_path / "data", "--listen", f"127.0.0.1:{port}"],
                               env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        before = manager.receive_until("READY=1")
        assert not any("STOPPING" in message for message in before)
        socket.create_connection(("127.0.0.1", port), timeout=5).close()  # ready means that it listens
        for _ in range(3):
            manager.receive_until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        manager.receive_until("STOPPING=1")
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def cluster_arguments(tmp_path, log_format):
    config = tmp_path / "config.yml"
    config.write_text(config_text("http://127.0.0.1:1/", f"http://127.0.0.1:{free_port()}", f"    SystemLogs: {{Format: {log_format}}}"))
    return ["--config", config, "--no-lock"]


@pytest.mark.parametrize("log_format", ["standalone", "json", "text"])
def test_journal_entries_have_fields_and_the_line(bin_dir, tmp_path, log_format):
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace of its own: run as root, as CI does")
    journal = tmp_path / "journal"
    journal.mkdir()
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(journal / "socket"))
    receiver.settimeout(20)
    # The shell gives its standard error, which the daemon takes for the journal, by device and inode.
    script = """
mkdir -p /run/systemd/journal && mount --bind "$1" /run/systemd/journal
JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2)
export JOURNAL_STREAM
shift
exec "$@"
"""
    standalone = ["--standalone", "--data-dir", tmp_path / "data", "--listen", f"127.0.0.1:{free_port()}"]
    arguments = standalone if log_format == "standalone" else cluster_arguments(tmp_path, log_format)
    errors = open(tmp_path / "stderr", "wb")
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", journal, bin_dir / "berthd", *arguments],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        entry = dict(line.split("=", 1) for line in receiver.recv(65536).decode().splitlines() if "=" in line)
        assert entry["SYSLOG_IDENTIFIER"] == "berthd"
        assert entry["PRIORITY"] in "34567"
        assert entry["BERTH_EVENT"] and entry["BERTH_EVENT"] in entry["MESSAGE"]
        if log_format == "json":
            line = json.loads(entry["MESSAGE"])
            assert {"level", "msg", "time", "PID", "ClusterID"} <= line.keys() and line["msg"] == entry["BERTH_EVENT"]
            assert line["ClusterID"] == entry["BERTH_CLUSTER_ID"]
        else:
            assert "level=" in entry["MESSAGE"]
        assert not [name for name in entry if name.startswith("CODE_")], "where the line was written out says nothing about it"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        receiver.close()
        errors.close()
    assert (tmp_path / "stderr").read_bytes() == b"", "lines go to the journal once, not to stderr as well"
