"""A daemon that starts learns from the API how long containers ran before."""

import pytest
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.processes import end_runners
from test_bad_controller import Cluster, submit

LEARNED = "learned how long containers ran before"


@pytest.fixture
def controller():
    controller = FakeController("127.0.0.1")
    yield controller
    controller.stop()


def start(bin_dir, path, controller, learned):
    """A daemon that has learned from so many containers."""
    path.mkdir()
    cluster = Cluster(bin_dir, path, controller)
    wait_for(lambda: LEARNED in cluster.log(), what="it has asked what ran before")
    line, = [line for line in cluster.log().splitlines() if LEARNED in line]
    assert f"Containers={learned}" in line
    return cluster


def test_from_what_ended_before_it_began(bin_dir, tmp_path, controller):
    first = second = None
    try:
        first = start(bin_dir, tmp_path / "first", controller, learned=0)
        jobs = [submit(controller, ["true"]) for _ in range(5)]
        failing = submit(controller, ["false"])
        wait_for(lambda: all(job["state"] == "Complete" for job in [*jobs, failing]), what="all complete")
        assert first.stop() == 0
        with controller.mutex:  # three of six make no sense
            jobs[0]["finished_at"] = "2001-01-01T00:00:00Z"
            jobs[1]["started_at"] = 5
            jobs[2]["runtime_constraints"] = []
        second = start(bin_dir, tmp_path / "second", controller, learned=3)
        last = submit(controller, ["true"])
        wait_for(lambda: last["state"] == "Complete", what="it works as ever")
        assert second.stop() == 0
    finally:
        for cluster in filter(None, (first, second)):
            cluster.process.kill()
            cluster.process.wait()
            end_runners(cluster.config.parent)
