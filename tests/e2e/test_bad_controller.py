"""A cluster whose controller is out of order for a while: clear words in the log, and no container lost or run twice."""

import json
import signal
import subprocess

import pytest
from harness.bad_proxy import MOODS, BadProxy
from harness.daemon import free_port, wait_for
from harness.fake_controller import FakeController
from harness.processes import end_runners

TOKEN, MANAGEMENT_TOKEN = "controllertoken0123456789", "managementtoken0123456789"
#: words that tell what came instead of an answer
WORDS = {
    "HTML 502": "HTTP status 502: <html>", "HTML 200": "not JSON", "empty 200": "not JSON", "truncated JSON": "not JSON",
    "body cut off": "GET http://", "hangs up": "GET http://",  # the HTTP client names the whole URL, once
}


class Cluster:
    """berthd in cluster mode with the loopback driver and the real runner, dispatching for what is behind `proxy`."""

    def __init__(self, bin_dir, path, proxy):
        self.log_path = path / "berthd.log"
        self.config = path / "config.json"
        self.config.write_text(json.dumps({"Clusters": {"zzzzz": {
            "SystemRootToken": TOKEN, "ManagementToken": MANAGEMENT_TOKEN,
            "Services": {"Controller": {"ExternalURL": f"http://127.0.0.1:{proxy.port}/"},
                         "DispatchCloud": {"InternalURLs": {f"http://127.0.0.1:{free_port()}/": {}}}},
            "SystemLogs": {"Format": "text"},
            "InstanceTypes": {"small": {"VCPUs": 1, "RAM": "1GiB", "Price": 0.1}},
            "Containers": {
                "ReserveExtraRAM": 0, "LocalKeepBlobBuffersPerVCPU": 0, "StaleLockTimeout": "10s", "CrunchRunCommand": str(bin_dir / "berth-run"),
                "CloudVMs": {"Enable": True, "Driver": "loopback", "BootProbeCommand": "true", "DeployRunnerBinary": "",
                             "PollInterval": "100ms", "ProbeInterval": "100ms", "MaxProbesPerSecond": 1000, "SyncInterval": "1s",
                             "DriverParameters": {"StateDirectory": str(path / "instances"), "MaxInstances": 2}}}}}}))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([bin_dir / "berthd", "--config", self.config, "--no-lock"], stdin=subprocess.DEVNULL, stderr=log)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@pytest.fixture(scope="module")
def controller():
    controller = FakeController("127.0.0.1")
    yield controller
    controller.stop()


@pytest.fixture(scope="module")
def proxy(controller):
    proxy = BadProxy(controller.port)
    yield proxy
    proxy.stop()


def submit(controller, command):
    """The record of a container that berth-run can run: it is seen by a dispatcher once it is whole."""
    uuid, = controller.add(1, priority=0)
    with controller.mutex:
        record = controller.containers[uuid]
        record.update(command=command, container_image="", cwd=".", environment={}, exit_code=None, priority=500 << 50)
    return record


@pytest.fixture(scope="module")
def cluster(bin_dir, tmp_path_factory, controller, proxy):
    """Started while the proxy answers HTML: it says so, tries again, and is well once the controller is."""
    waiting = submit(controller, ["true"])
    proxy.mood = "HTML 502"
    cluster = Cluster(bin_dir, tmp_path_factory.mktemp("cluster"), proxy)
    try:
        wait_for(lambda: proxy.mocked >= 2 and WORDS["HTML 502"] in cluster.log(), what="it is told and tries again")
        assert cluster.process.poll() is None, cluster.log()
        assert waiting["state"] == "Queued"
        proxy.mood = None
        wait_for(lambda: waiting["state"] == "Complete", what="it is well again")
        yield cluster
        assert TOKEN not in cluster.log() and MANAGEMENT_TOKEN not in cluster.log()
        assert cluster.stop() == 0
    finally:
        cluster.process.kill()
        cluster.process.wait()
        end_runners(cluster.config.parent)


class Gated:
    """A container that waits for its gate, and leaves a line when it begins and one when it ends."""

    def __init__(self, controller, path, name):
        self.gate, self.witness = path / f"{name}.gate", path / name
        script = f"echo run >> {self.witness}; while [ ! -e {self.gate} ]; do sleep 0.02; done; echo end >> {self.witness}; exit 3"
        self.record = submit(controller, ["sh", "-c", script])

    def lines(self):
        return self.witness.read_text().split() if self.witness.exists() else []

    def outcome(self):
        return self.record["state"], self.record["exit_code"], self.lines()


def out_of_order(proxy, mood, calls):
    """The proxy has a mood, and at least so many calls met it."""
    met = proxy.mocked
    proxy.mood = mood
    wait_for(lambda: proxy.mocked >= met + calls, what="calls meet nonsense")


@pytest.mark.parametrize("mood", MOODS)
def test_while_containers_run_and_wait(cluster, controller, proxy, tmp_path, mood):
    one, two, waiting = jobs = [Gated(controller, tmp_path, name) for name in ("one", "two", "waiting")]
    wait_for(lambda: one.record["state"] == two.record["state"] == "Running" and one.lines() and two.lines(), what="two run")
    written = len(cluster.log())
    out_of_order(proxy, mood, calls=5)
    wait_for(lambda: WORDS[mood] in cluster.log()[written:], what=f"the log says {WORDS[mood]}")
    assert [job.record["state"] for job in jobs[:2]] == ["Running"] * 2 and waiting.record["state"] in ("Queued", "Locked")
    proxy.mood = None
    served = proxy.served
    wait_for(lambda: proxy.served >= served + 5, what="answers again")
    for job in jobs:
        job.gate.touch()
    wait_for(lambda: all(job.record["state"] in ("Complete", "Cancelled") for job in jobs), what="all final")
    assert [job.outcome() for job in jobs] == [("Complete", 3, ["run", "end"])] * 3, cluster.log()[written:]


@pytest.mark.parametrize("mood", MOODS)
def test_while_a_container_ends(cluster, controller, proxy, tmp_path, mood):
    job = Gated(controller, tmp_path, "job")
    wait_for(lambda: job.record["state"] == "Running" and job.lines(), what="it runs")
    out_of_order(proxy, mood, calls=1)
    job.gate.touch()
    wait_for(lambda: len(job.lines()) == 2, what="the command ends")
    out_of_order(proxy, mood, calls=5)
    proxy.mood = None
    wait_for(lambda: job.record["state"] in ("Complete", "Cancelled"), what="final")
    assert job.outcome() == ("Complete", 3, ["run", "end"])


@pytest.mark.parametrize("name,value", [("ram", 10**19), ("ram", -1.5e300), ("vcpus", 1.5), ("vcpus", "1"), ("keep_cache_ram", {})])
def test_one_odd_record(cluster, controller, proxy, name, value):
    """It is told of, by name and once, and left alone; everybody else goes on, and so does it once it is mended."""
    odd = submit(controller, ["true"])
    with controller.mutex:
        right = odd["runtime_constraints"]
        odd["runtime_constraints"] = {**right, name: value}
    written = len(cluster.log())
    others = [submit(controller, ["true"]) for _ in range(4)]
    wait_for(lambda: all(other["state"] == "Complete" for other in others), what="the others complete")
    polls = controller.lists
    wait_for(lambda: controller.lists > polls + 20, what="some more polls")
    told = [line for line in cluster.log()[written:].splitlines() if "cannot be read" in line]
    assert len(told) == 1 and odd["uuid"] in told[0] and f"runtime_constraints.{name}: want" in told[0], told
    assert odd["state"] == "Queued"
    with controller.mutex:
        odd["runtime_constraints"] = right
    wait_for(lambda: odd["state"] == "Complete", what="it is mended")
