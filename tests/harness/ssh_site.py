"""A cluster whose workers are hosts of a bed, and daemons with the driver for it."""

import contextlib
import json
import pathlib
import shutil
import subprocess

from . import bed as beds
from .cluster import Site
from .daemon import wait_for
from .fake_controller import FakeController

CONFIG = """
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: %(management_token)s
    Services:
      Controller: {ExternalURL: "http://%(controller)s/"}
      DispatchCloud: {InternalURLs: {"http://%(listen)s/": {}}}
    SystemLogs: {LogLevel: debug}
    Collections: {BlobSigningKey: e687950a23c3a9bceec28c6223a06c79e687}
    InstanceTypes:
      small: {VCPUs: %(vcpus)s, RAM: 1GiB, Price: 0.1}
    Containers:
      StaleLockTimeout: 5s
      LocalKeepBlobBuffersPerVCPU: 0
      ReserveExtraRAM: 0
      DispatchPrivateKey: %(key)s
      CloudVMs:
        Driver: bed
        SSHPort: "%(port)s"
        MaxInstances: 0  # one that is reached would also bound how many containers run
        BootProbeCommand: "true"
        DeployRunnerBinary: %(runner)s
        MaxConcurrentInstanceCreateOps: 4
        MaxCloudOpsPerSecond: 0
        PollInterval: 500ms
        ProbeInterval: 1s
        SyncInterval: 2s
        MaxProbesPerSecond: %(probes_per_second)s
        TimeoutIdle: %(timeout_idle)s
        TimeoutBooting: %(timeout_booting)s
        TimeoutProbe: %(timeout_probe)s
        TimeoutSignal: 1s
"""


class SshSite(Site):
    """`seconds`: how long the stub runner lets each container run; `runner`: another runner's file. `settings` of CONFIG."""

    program, config = "berthd-bed", CONFIG

    def __init__(self, bin_dir, directory, user="root", port=22, seconds=0.2, runner=None, **settings):
        with contextlib.ExitStack() as made:
            controller = FakeController("0.0.0.0")
            made.callback(controller.stop)
            self.bed = beds.Bed(pathlib.Path(directory) / "bed", user=user, port=port)
            made.callback(self.bed.destroy)
            super().__init__(bin_dir, directory, controller, {})
            self.cloud = self.bed.cloud
            self.witness = self.bed.shared / "witness"
            self.witness.mkdir()
            self.stub_settings = self.bed.shared / "stub.json"
            self.run_for(seconds)
            self.place_runner(runner)
            self.made = made.pop_all()
        self.values = {"vcpus": 4, "probes_per_second": 100, "timeout_idle": "1m", "timeout_booting": "1m", "timeout_probe": "1m", **settings}

    def place_runner(self, runner):
        if runner:
            shutil.copy(runner, self.runner)
            return
        text = pathlib.Path(__file__).with_name("stub_runner.py").read_text()
        place = 'os.path.join(os.path.dirname(sys.argv[0]), "stub.json")'
        assert place in text
        self.runner.write_text(text.replace(place, json.dumps(str(self.stub_settings))))

    def run_for(self, seconds):
        """For containers that begin later."""
        self.stub_settings.write_text(json.dumps({"witness": str(self.witness), "seconds": seconds}))

    def settings(self):
        return {"runner": self.runner, "key": f"file://{self.bed.key}", "port": self.bed.port, **self.values}

    def daemon(self, **options):
        prefix = ["env", f"BERTH_BED=http://127.0.0.1:{self.cloud.port}"]
        return super().daemon(flags=["--no-lock"], prefix=prefix, controller_address=beds.GATEWAY, **options)

    def deployed_path(self):
        digest = subprocess.run(["md5sum", self.runner], capture_output=True, text=True, check=True).stdout.split()[0]
        return f"/tmp/arvados-crunch-run/crunch-run~{digest}"

    def destroy(self):
        """All of it, even if a part of it fails."""
        for daemon in self.daemons:
            self.made.callback(daemon.stop)
        self.made.close()

    def add_running(self, count, **options):
        """That many new containers, once they all run: their records say so, and then what they run has begun."""
        uuids = self.controller.add(count, **options)
        wait_for(lambda: set(self.controller.states(uuids)) == {"Running"}, 60, what=f"{count} containers run")
        wait_for(lambda: set(uuids) <= {uuid for uuid, runs in self.witnessed("run").items() if runs}, 20, what="all have begun")
        return uuids

    def assert_all_complete(self, uuids, timeout=60):
        wait_for(lambda: set(self.controller.states(uuids)) <= {"Complete", "Cancelled"}, timeout, what="all final")
        assert set(self.controller.states(uuids)) == {"Complete"}

    def assert_each_ran_once(self, uuids):
        runs = self.witnessed("run")
        assert {uuid: runs.get(uuid, 0) for uuid in uuids} == dict.fromkeys(uuids, 1)


def instances(daemon):
    """By id, as the management API has them, once the daemon is active (start() returns before)."""
    answer = wait_for(lambda: [a for a in [daemon.get("/arvados/v1/dispatch/instances")] if a[0] not in (0, 503)], 15, what="an active daemon")
    status, body = answer[0]
    assert status == 200, body
    return {item["instance"]: item for item in json.loads(body)["items"] or []}


def metric(daemon, name):
    """The value of one series; None if it is not there."""
    lines = [line for line in daemon.get("/metrics")[1].splitlines() if line.startswith(name + " ")]
    return float(lines[0].split()[-1]) if lines else None
