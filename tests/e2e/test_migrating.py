"""docs/migrating.md, walked there and back: each of its commands is run as it is written. What a booted machine of a site has beside
them is put in its place: systemctl, journalctl, the stock client, and a program that holds the lock as the Go dispatcher does."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.postgres import Postgres
from harness.service import MANAGEMENT_TOKEN, config_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
STOCK = "arvados-dispatch-cloud"

STOCK_UNIT = """[Unit]
Description=the dispatcher before Berth
AssertPathExists=/etc/arvados/config.yml
StartLimitIntervalSec=0

[Service]
Type=notify
EnvironmentFile=-/etc/arvados/environment
Environment=AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
ExecStart=/usr/bin/arvados-dispatch-cloud $EXTRA_OPTS
Restart=always
RestartSec=1
RestartPreventExitStatus=2

[Install]
WantedBy=multi-user.target
"""
# Listens and says READY once it has the lock (facts §1.6), and dies of SIGTERM. Under the name of a runner it is one, like
# Arvados' program of many names: both dispatchers deploy it by default (facts §6.9).
STOCK_PROGRAM = """#!/usr/bin/python3
import os, socket, subprocess, sys, time
if os.path.basename(sys.argv[0]).startswith("crunch-run"):
    os.execv({runner!r}, [{runner!r}, *sys.argv[1:]])
psql = subprocess.Popen({psql!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
psql.stdin.write("SET application_name = 'arvados-dispatch-cloud';\\n")
answer = ""
while answer != "t\\n":
    time.sleep(0.1)
    psql.stdin.write("SELECT pg_try_advisory_lock(10005);\\n")
    psql.stdin.flush()
    answer = psql.stdout.readline()
listener = socket.create_server(("127.0.0.1", 9006))
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
psql.wait()
"""
# As facts §9.4 has it: two slashes, a redirect to follow, columns and header.
STOCK_CLIENT = """#!/bin/sh
[ "$*" = "instance list -header" ] || exit 2
curl -sfL -H "Authorization: Bearer $TOKEN" http://localhost:9006//arvados/v1/dispatch/instances
"""
JOURNALCTL = """#!/bin/sh
[ "$1" = -u ] || exit 2
cat "$SHIM_DIR/$2.service.log"
"""


def blocks():
    """Section → its indented blocks → their commands without comments."""
    found, section = {}, ""
    for line in (ROOT / "docs/migrating.md").read_text().splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line.startswith("    "):
            found[section][-1].append(re.sub(r" {2,}#.*", "", line.strip()))
            continue
        if found.setdefault(section, [[]])[-1]:
            found[section].append([])
    return {section: [block for block in made if block] for section, made in found.items() if any(made)}


class Machine:
    """A mount namespace in which /usr and /etc may be written to, and nothing of it remains."""

    def __init__(self, directory):
        self.directory = directory
        self.shims = directory / "shims"
        self.shims.mkdir()
        self.running = None  # the container and its runner's process
        self.environment = {"PATH": f"{self.shims}:{os.environ['PATH']}", "TOKEN": MANAGEMENT_TOKEN, "SHIM_DIR": str(self.shims), "LC_ALL": "C.UTF-8"}
        script = """set -e
mount -t tmpfs tmpfs "$1"
for d in usr etc var; do
  mkdir -p "$1/upper/$d" "$1/work/$d"
  mount -t overlay overlay -o "lowerdir=/$d,upperdir=$1/upper/$d,workdir=$1/work/$d" "/$d"
done
echo done
exec sleep 600"""
        (directory / "layers").mkdir()
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script, "sh", directory / "layers"], stdout=subprocess.PIPE, text=True)
        self.works = self.process.stdout.readline() == "done\n"

    def command(self, text):
        return ["nsenter", "--mount", "--target", str(self.process.pid), f"--wd={ROOT}", "sh", "-c", text]

    def run(self, text, status=0):
        done = subprocess.run(self.command(text), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path, text, mode=0o644):
        subprocess.run(self.command(f"mkdir -p {os.path.dirname(path)} && cat > {path} && chmod {mode:o} {path}"), input=text, text=True, check=True,
                       timeout=10)

    def put_shim(self, name, text):
        (self.shims / name).write_text(text)
        (self.shims / name).chmod(0o755)

    def pid(self, unit):
        return int((self.shims / f"{unit}.service.pid").read_text())

    def runner(self, uuid):
        """The process that runs the container, by its lock; none: not there, or ended."""
        pid = json.loads(self.run(f"cat /var/lib/berth/instances/*/lock/crunch-run-{uuid}.lock"))["PID"]
        process = pathlib.Path(f"/proc/{pid}/cmdline")
        return pid if process.exists() and uuid.encode() in process.read_bytes() else None

    def destroy(self):
        for unit in ("berthd", STOCK):
            if (self.shims / f"{unit}.service.pid").exists():
                self.run(f"systemctl stop {unit}")
        if self.running and (pid := self.runner(self.running[0])):
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)


CONTAINERS = """Containers:
      DispatchPrivateKey: file:///etc/arvados/key
      LocalKeepBlobBuffersPerVCPU: 0
      ReserveExtraRAM: 0
"""
VMS = """        DeployRunnerDirectory: %s/workers/deployed
        DriverParameters: {StateDirectory: /var/lib/berth/instances}
        PollInterval: 500ms
        ProbeInterval: 1s
        SyncInterval: 2s
"""


def put_runner(directory):
    """Its containers run longer than the test."""
    witness = directory / "witness"
    witness.mkdir()
    witness.chmod(0o777)
    (directory / "workers").mkdir()
    (directory / "workers").chmod(0o777)
    shutil.copy(ROOT / "tests/harness/stub_runner.py", directory / "runner")
    (directory / "runner").chmod(0o755)
    (directory / "stub.json").write_text(json.dumps({"witness": str(witness), "seconds": 600}))


@pytest.fixture
def postgres():
    server = Postgres()
    yield server
    server.destroy()


@pytest.fixture
def machine(tmp_path, postgres):
    """As a site's dispatch host is before the move: the stock unit runs."""
    if os.geteuid() != 0:
        pytest.skip("needs the right to mount: run as root, as CI does")
    tmp_path.chmod(0o755)  # services run as a user of their own
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    machine = Machine(tmp_path)
    if not machine.works:
        pytest.skip("the kernel does not let us mount an overlay here")
    put_runner(tmp_path)
    controller = FakeController("127.0.0.1")
    connection = json.dumps({**postgres.connection(), "sslmode": "prefer"})
    text = config_text(f"http://127.0.0.1:{controller.port}/", "http://localhost:9006/", f"    PostgreSQL: {{Connection: {connection}}}",
                       VMS % tmp_path).replace('        DeployRunnerBinary: ""\n', "")
    machine.write("/etc/arvados/config.yml", text.replace("Containers:\n", CONTAINERS), 0o600)
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], check=True, capture_output=True, text=True).stdout
    machine.write("/etc/arvados/key", key, 0o600)
    machine.write("/etc/arvados/environment", "EXTRA_OPTS=-skip-legacy\n")
    machine.write(f"/usr/lib/systemd/system/{STOCK}.service", STOCK_UNIT)
    machine.write(f"/usr/bin/{STOCK}", STOCK_PROGRAM.format(psql=postgres.psql(), runner=str(tmp_path / "runner")), 0o755)
    machine.put_shim("systemctl", (ROOT / "tests/harness/fake_systemctl.py").read_text())
    machine.put_shim("journalctl", JOURNALCTL)
    machine.put_shim("arvados-server", STOCK_CLIENT)
    machine.run(f"systemctl enable --now {STOCK}")
    machine.controller = controller
    yield machine
    machine.destroy()
    controller.stop()


def holder(postgres):
    return postgres.sql("SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
                        "WHERE locktype = 'advisory' AND objid = 10005 AND granted")


def install(machine, commands, bin_dir):
    assert commands == ["./dev build", "cmake --install build/release --prefix /usr", "systemd-sysusers"]
    machine.run(commands[1].replace("build/release", str(bin_dir.parent)))  # what is tested is built
    machine.run(commands[2])
    machine.run("systemd-analyze verify --man=no berthd.service berthd-standalone.service")


def check_first(machine, commands):
    check, dump = commands
    assert "cluster zzzzz" in machine.run(check)
    dumped = machine.run(dump)
    assert "ManagementToken" in dumped and MANAGEMENT_TOKEN not in dumped


def try_as_standby(machine, commands, postgres):
    start, health, metrics = commands
    standby = subprocess.Popen(machine.command("exec env " + start), env=machine.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    try:
        wait_for(lambda: standby.poll() is not None or
                 subprocess.run(machine.command(health), env=machine.environment, capture_output=True, timeout=5).returncode == 0, 20, what="it answers")
        assert standby.poll() is None, standby.stderr.read()
        told = wait_for(lambda: (lambda t: "held by another" in t and t)(machine.run(health)), 20, what="it waits")
        assert json.loads(told)["health"] == "OK"
        assert "berth_active 0\n" in machine.run(metrics)
        assert holder(postgres) == STOCK
    finally:
        standby.terminate()
        assert standby.wait(15) == 0


def look(machine, commands, unit):
    journal, instances, containers = commands
    lines = [json.loads(line) for line in machine.run(journal.replace(STOCK, unit)).splitlines() if line.startswith("{")]
    assert lines and all(line["ClusterID"] == "zzzzz" for line in lines)
    assert machine.running[0] in machine.run(instances)
    page = json.loads(machine.run(containers))
    assert (page["limit"], page["items_available"]) == (5, 1)


def is_berthd(machine, postgres, unit, user):
    wait_for(lambda: holder(postgres) == "berthd", 15, what="Berth is active")
    process = pathlib.Path(f"/proc/{machine.pid(unit)}")
    assert machine.run(f"readlink {process}/exe") == "/usr/bin/berthd\n"
    assert machine.run(f"stat -c %U {process}") == user + "\n"
    assert wait_for(lambda: "berth_active 1" in machine.run("curl -sH \"Authorization: Bearer $TOKEN\" http://localhost:9006/metrics"), 10,
                    what="it says so")


def one_container_runs(machine):
    """The one that an earlier walk left, else a new one."""
    if machine.running is None:
        [uuid] = machine.controller.add(1)
        wait_for(lambda: machine.controller.states() == ["Running"], 30, what="it runs")
        machine.running = (uuid, machine.runner(uuid))
    listed = 'curl -sfL -H "Authorization: Bearer $TOKEN" http://localhost:9006/arvados/v1/dispatch/instances'
    wait_for(lambda: machine.running[0] in machine.run(listed), 30, what="the container is known on its instance")
    assert machine.runner(machine.running[0]) == machine.running[1] is not None
    [deployed] = (machine.directory / "workers/deployed").iterdir()
    assert "crunch-run" in deployed.read_text(), "the older dispatcher's program is the runner"
    assert machine.controller.states() == ["Running"]


def test_there_and_back_twice(machine, bin_dir, postgres):
    doc = blocks()
    assert list(doc) == ["Install", "Check, before anything changes", "Try it as a standby", "Swap", "Look", "Back"]
    assert holder(postgres) == STOCK
    install(machine, *doc["Install"], bin_dir)
    check_first(machine, sum(doc["Check, before anything changes"], []))
    try_as_standby(machine, *doc["Try it as a standby"], postgres)

    loopback_own_name, own_name, loopback_drop_in, drop_in = doc["Swap"]
    own_name_back, drop_in_back = doc["Back"]
    for unit, user, there, back in (("berthd", "berth", loopback_own_name + own_name, own_name_back),
                                   (STOCK, "root", loopback_drop_in + drop_in, drop_in_back)):
        for command in there:
            machine.run(command)
        is_berthd(machine, postgres, unit, user)
        one_container_runs(machine)
        look(machine, *doc["Look"], unit)
        for command in back:
            machine.run(command)
        wait_for(lambda: holder(postgres) == STOCK, 15, what="the other program has the lock again")
        assert machine.run(f"readlink /proc/{machine.pid(STOCK)}/exe").startswith("/usr/bin/python3")
        assert machine.runner(machine.running[0]) == machine.running[1], "the container runs on"
    assert (machine.directory / "witness" / machine.running[0]).read_text().count("run") == 1
