"""Daemons for a cluster: a FakeController, workers that are this machine, a stub for the runner."""

import json
import pathlib
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

from .daemon import free_port, wait_for
from .processes import end_runners

CONFIG = """
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: %(management_token)s
    Services:
      Controller: {ExternalURL: "http://%(controller)s/"}
      DispatchCloud: {InternalURLs: {"http://%(listen)s/": {}}}
    Collections: {BlobSigningKey: e687950a23c3a9bceec28c6223a06c79e687}
    PostgreSQL: {Connection: %(connection)s}
    InstanceTypes:
      small: {VCPUs: 1, RAM: 1GiB, Price: 0.1}
    Containers:
      StaleLockTimeout: 5s
      LocalKeepBlobBuffersPerVCPU: 0
      ReserveExtraRAM: 0
      CrunchRunCommand: %(runner)s
      CloudVMs:
        Enable: true
        Driver: loopback
        DriverParameters: {StateDirectory: %(instances)s, MaxInstances: 8}
        BootProbeCommand: "true"
        DeployRunnerBinary: ""
        PollInterval: 500ms
        ProbeInterval: 1s
        SyncInterval: 2s
        MaxProbesPerSecond: 100
        TimeoutStaleRunLock: 5s
"""
MANAGEMENT_TOKEN = "e687950a23c3a9bceec28c6223a06c79e687"


class Site:
    """What the daemons of one cluster share. `seconds`, `runner`: what the stub for the runner is told."""

    program, config = "berthd", CONFIG

    def __init__(self, bin_dir, directory, controller, connection, seconds=0.2, **runner):
        self.bin, self.directory, self.controller, self.connection = pathlib.Path(bin_dir), pathlib.Path(directory), controller, connection
        self.witness = self.directory / "witness"
        self.witness.mkdir()
        self.instances = self.directory / "instances"
        self.runner = self.directory / "runner"
        shutil.copy(pathlib.Path(__file__).with_name("stub_runner.py"), self.runner)
        self.runner.chmod(0o755)
        (self.directory / "stub.json").write_text(json.dumps({"witness": str(self.witness), "seconds": seconds, **runner}))
        self.daemons = []

    def daemon(self, **options):
        self.daemons.append(ClusterDaemon(self, len(self.daemons), **options))
        return self.daemons[-1]

    def settings(self):
        """What `config` has places for, beside what a daemon knows."""
        return {"runner": self.runner, "instances": self.instances}

    def witnessed(self, what):
        """How often each container saw `start` or `run`."""
        return {path.name: sum(line.startswith(what) for line in path.read_text().splitlines()) for path in self.witness.iterdir()}

    def destroy(self):
        for daemon in self.daemons:
            daemon.stop()
        end_runners(self.instances)


class ClusterDaemon:
    def __init__(self, site, number, flags=(), prefix=(), address="127.0.0.1", controller_address="127.0.0.1", connection=None):
        self.program, self.flags, self.prefix = site.bin / site.program, flags, prefix
        self.address = f"{address}:{free_port()}"
        self.config = site.directory / f"config{number}.yml"
        self.log_path = site.directory / f"daemon{number}.log"
        self.config.write_text(site.config % {
            "management_token": MANAGEMENT_TOKEN, "controller": f"{controller_address}:{site.controller.port}", "listen": self.address,
            "connection": json.dumps(connection or site.connection), **site.settings()})
        self.process = None

    def start(self):
        """Returns when HTTP is served."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, self.program, "--config", self.config, *self.flags],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self.get("/_health/ping")[0] == 200 or self.process.poll() is not None, 15, what="HTTP")
        assert self.process.poll() is None, self.log()
        return self

    def get(self, path, method="GET"):
        """Status and body; status 0 if nobody answers."""
        request = urllib.request.Request(f"http://{self.address}{path}", method=method, headers={"Authorization": f"Bearer {MANAGEMENT_TOKEN}"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def post(self, path):
        """The status."""
        return self.get(path, "POST")[0]

    def active(self):
        return "\nberth_active 1\n" in self.get("/metrics")[1]

    def log(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        """SIGTERM; the exit code. Fails if that takes longer than 15 s, and then kills."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
