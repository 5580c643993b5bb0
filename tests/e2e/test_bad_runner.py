"""Runners that misbehave: a container is neither lost, run twice, nor cancelled for it."""

import http.server
import stat
import threading
import urllib.error
import urllib.request

import pytest
from harness import workload
from harness.daemon import wait_for
from harness.processes import processes_with

MISBEHAVIOUR = {
    "garbage": r"printf 'broken-ish\n\000\377\nzzzzz-dz642-notauuid x y z\n%s\n' \"$$\"",
    "ten-megabytes": "head -c 10000000 /dev/zero | tr '\\0' x",
    "fails": "echo out of order >&2; exit 1",
    "never-returns": "exec sleep 1000",
}


@pytest.fixture
def runner(bin_dir, tmp_path):
    """A runner that does `misbehave` instead of its work as long as the file `mood` is there, counting how often."""
    def make(misbehave):
        mood, count, path = tmp_path / "mood", tmp_path / "count", tmp_path / "runner"
        mood.touch()
        path.write_text(f'#!/bin/sh\nif [ -e {mood} ] && [ "$1" = --list ]; then\n  echo x >> {count}\n  {misbehave}\n  exit $?\nfi\n'
                        f'exec {bin_dir}/berth-run "$@"\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path, mood, count
    return make


@pytest.mark.parametrize("how", MISBEHAVIOUR)
def test_a_runner_that_misbehaves_for_a_while(make_daemon, witness_dir, runner, how):
    path, mood, count = runner(MISBEHAVIOUR[how])
    daemon = make_daemon("--vcpus", "2", "--ram", "2GiB", "--runner", str(path))
    client = daemon.start()
    job = workload.Job("job", "echo hello")
    job.container = client.submit(**job.attributes(witness_dir))["container_uuid"]
    wait_for(lambda: count.exists() and (how == "never-returns" or len(count.read_text().split()) >= 3), what="probes have met it")
    assert client.container(job.container)["state"] in ("Queued", "Locked", "Running", "Complete")
    mood.unlink()
    wait_for(lambda: client.container(job.container)["state"] == "Complete", timeout=60, what="the container ends")
    assert client.container(job.container)["exit_code"] == 0
    assert (witness_dir / "job").read_text() == "run\n"


class ClaimGate(http.server.ThreadingHTTPServer):
    """Passes requests on to the daemon, but holds each claim of a container until a second one has come."""

    def __init__(self, daemon_port):
        super().__init__(("127.0.0.1", 0), Passage)
        self.target, self.both = f"http://127.0.0.1:{daemon_port}", threading.Barrier(2, timeout=20)
        self.answers = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class Passage(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        claim = self.command == "PUT" and b"Running" in body
        if claim:
            self.server.both.wait()
        request = urllib.request.Request(self.server.target + self.path, data=body or None, method=self.command,
                                         headers={k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Type")})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if claim:
            self.server.answers.append(status)
        self.wfile.write(b"HTTP/1.0 %d Answer\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))

    do_GET = do_PUT = do_POST = pass_on


def test_two_runners_race_for_one_container(make_daemon, bin_dir, witness_dir, tmp_path):
    """Two runners as on two workers, each with lock and record Locked in hand: one runs the container, one leaves it alone."""
    path = tmp_path / "runner"
    daemon = make_daemon("--vcpus", "1", "--ram", "2GiB", "--runner", str(path))
    with ClaimGate(daemon.port) as gate:
        path.write_text(f"""#!/bin/sh
case " $* " in *" --detach "*)
  config=$(sed s/:{daemon.port}/:{gate.server_port}/g)
  printf %s "$config" | BERTH_LOCK_DIR={tmp_path}/lock2 BERTH_WORK_DIR={tmp_path}/work2 {bin_dir}/berth-run "$@" > {tmp_path}/second
  printf %s "$config" | {bin_dir}/berth-run "$@"
  exit $?
esac
exec {bin_dir}/berth-run "$@"
""")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        (tmp_path / "lock2").mkdir()
        client = daemon.start()
        for i in range(4):
            job = workload.Job(f"job{i}", "sleep 0.2")
            job.container = client.submit(**job.attributes(witness_dir))["container_uuid"]
            # Cancelled if the winner is the one that the dispatcher did not start.
            wait_for(lambda: client.container(job.container)["state"] in ("Complete", "Cancelled"), what="the container ends")
            assert (witness_dir / job.name).read_text() == "run\n"
        assert sorted(gate.answers) == [200] * 4 + [422] * 4
        gate.shutdown()


def test_a_container_that_prints_ten_megabytes(make_daemon):
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    uuid = client.submit(command=["sh", "-c", "yes 0123456789abcdef | head -c 10000000"], runtime_constraints={"vcpus": 1, "ram": 1 << 26})["container_uuid"]
    wait_for(lambda: client.container(uuid)["state"] == "Complete", what="complete")
    assert len(client.log(uuid)) == 10000000


def test_a_runner_that_is_killed(make_daemon, witness_dir):
    """kill -9 of a runner and of its guard: the container ends Cancelled once all that it started is dead; nothing runs twice."""
    import os
    import signal
    daemon = make_daemon("--vcpus", "1", "--ram", "2GiB")
    client = daemon.start()
    job = workload.Job("job", "setsid sleep 600 & echo started; sleep 600; true")
    job.container = client.submit(**job.attributes(witness_dir))["container_uuid"]
    wait_for(lambda: "started" in client.log(job.container), what="started")
    for pid in daemon.runners():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: client.container(job.container)["state"] == "Cancelled", timeout=60, what="cancelled")
    assert processes_with("BERTH_RUN_LOCK", daemon.data_dir) == []
    assert (witness_dir / "job").read_text() == "run\n"
    assert client.container(job.container)["runtime_status"] == {"error": "the runner ended without giving the container a final state"}


def test_the_operators_reason_reaches_the_record(make_daemon):
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    uuid = client.submit(command=["sh", "-c", "echo started; exec sleep 600"], runtime_constraints={"vcpus": 1, "ram": 1 << 26})["container_uuid"]
    wait_for(lambda: "started" in client.log(uuid), what="started")
    client.manage("POST", f"/containers/kill?container_uuid={uuid}&reason=too+hot")
    wait_for(lambda: client.container(uuid)["state"] == "Cancelled", what="cancelled")
    assert "killed by the operator: too hot" in client.container(uuid)["runtime_status"]["error"]
