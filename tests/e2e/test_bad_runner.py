"""Runners that misbehave: a container is neither lost, run twice, nor cancelled for it."""

import stat

import pytest
from harness import workload
from harness.daemon import wait_for

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


def test_a_container_that_prints_ten_megabytes(make_daemon):
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    uuid = client.submit(command=["sh", "-c", "yes 0123456789abcdef | head -c 10000000"], runtime_constraints={"vcpus": 1, "ram": 1 << 26})["container_uuid"]
    wait_for(lambda: client.container(uuid)["state"] == "Complete", what="complete")
    assert len(client.log(uuid)) == 10000000


def test_a_runner_that_is_killed(make_daemon, witness_dir):
    """kill -9 of a runner: the container ends Cancelled, its lock is found stale, nothing runs twice."""
    import os
    import signal
    daemon = make_daemon("--vcpus", "1", "--ram", "2GiB")
    client = daemon.start()
    job = workload.Job("job", "echo started; exec sleep 600")
    job.container = client.submit(**job.attributes(witness_dir))["container_uuid"]
    wait_for(lambda: "started" in client.log(job.container), what="started")
    for pid in daemon.runners():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: client.container(job.container)["state"] == "Cancelled", timeout=60, what="cancelled")
    assert (witness_dir / "job").read_text() == "run\n"
