"""The main job with real processes: outcomes, and that nothing runs twice, whatever happens to the daemon."""

import pytest
from harness import workload
from harness.daemon import wait_for

FINAL = ("Complete", "Cancelled")
FLAGS = ("--vcpus", "8", "--ram", "8GiB")


def submit_all(client, jobs, witness_dir):
    for job in jobs:
        request = client.submit(**job.attributes(witness_dir))
        job.request, job.container = request["uuid"], request["container_uuid"]


def cancel_once_started(client, jobs):
    for job in jobs:
        if job.expected == "cancelled" and "started" in client.log(job.container):
            client.cancel(job.request)


def all_final(client, jobs):
    records = client.containers()
    return all(records[job.container]["state"] in FINAL for job in jobs)


def check_outcomes(client, jobs, witness_dir):
    records = client.containers()
    outcomes = {job.name: workload.outcome(records[job.container]) for job in jobs}
    assert outcomes == {job.name: job.expected for job in jobs}
    runs = {job.name: len((witness_dir / job.name).read_text().splitlines()) if (witness_dir / job.name).exists() else 0
            for job in jobs}
    assert runs == {job.name: 0 if job.expected == "unsatisfiable" else 1 for job in jobs}


def finish(client, jobs, timeout=120):
    def step():
        cancel_once_started(client, jobs)
        return all_final(client, jobs)
    wait_for(step, timeout=timeout, interval=0.1, what="the end of the workload")


def test_every_outcome_is_the_expected_one(make_daemon, witness_dir):
    client = make_daemon(*FLAGS).start()
    jobs = workload.mixed(24, seed=1)
    submit_all(client, jobs, witness_dir)
    finish(client, jobs)
    check_outcomes(client, jobs, witness_dir)


# When to kill: as soon as so many containers are in the given state.
MOMENTS = {
    "at once": lambda records: True,
    "first locked": lambda records: any(r["state"] == "Locked" for r in records),
    "first running": lambda records: any(r["state"] == "Running" for r in records),
    "first final": lambda records: any(r["state"] in FINAL for r in records),
    "half final": lambda records: sum(r["state"] in FINAL for r in records) * 2 >= len(records),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_loses_nothing_and_doubles_nothing(make_daemon, witness_dir, moment):
    daemon = make_daemon(*FLAGS)
    client = daemon.start()
    jobs = workload.mixed(24, seed=2)
    submit_all(client, jobs, witness_dir)
    wait_for(lambda: MOMENTS[moment](list(client.containers().values())), interval=0.005, what=moment)
    daemon.kill()
    client = daemon.start()
    finish(client, jobs)
    check_outcomes(client, jobs, witness_dir)


def test_kill_9_again_and_again(make_daemon, witness_dir):
    daemon = make_daemon(*FLAGS)
    client = daemon.start()
    jobs = workload.mixed(24, seed=3)
    submit_all(client, jobs, witness_dir)
    for done in (2, 6, 10, 14):
        def enough():
            cancel_once_started(client, jobs)
            return sum(r["state"] in FINAL for r in client.containers().values()) >= done
        wait_for(enough, interval=0.02, what=f"{done} ended")
        daemon.kill()
        client = daemon.start()
    finish(client, jobs)
    check_outcomes(client, jobs, witness_dir)


def test_priority_order(make_daemon, witness_dir):
    """On a machine of one processor containers run one by one, the highest priority first."""
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    blocker = client.submit(command=["sleep", "2"], priority=1000, name="blocker", runtime_constraints={"vcpus": 1, "ram": 1 << 20})
    wait_for(lambda: client.container(blocker["container_uuid"])["state"] == "Running", what="the blocker runs")
    requests = {p: client.submit(command=["true"], priority=p, runtime_constraints={"vcpus": 1, "ram": 1 << 20})
                for p in (100, 900, 300, 700, 500)}
    wait_for(lambda: all(client.container(r["container_uuid"])["state"] == "Complete" for r in requests.values()), what="all complete")
    started = {p: client.container(r["container_uuid"])["started_at"] for p, r in requests.items()}
    assert sorted(started, key=started.get) == [900, 700, 500, 300, 100]


def test_reprioritise_is_seen(make_daemon):
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    small = {"vcpus": 1, "ram": 1 << 20}
    blocker = client.submit(command=["sleep", "2"], priority=1000, runtime_constraints=small)
    wait_for(lambda: client.container(blocker["container_uuid"])["state"] == "Running", what="the blocker runs")
    low = client.submit(command=["true"], priority=100, runtime_constraints=small)
    high = client.submit(command=["true"], priority=500, runtime_constraints=small)
    client.api("PUT", f"/arvados/v1/container_requests/{low['uuid']}", {"container_request": {"priority": 900}})
    both = [low["container_uuid"], high["container_uuid"]]
    wait_for(lambda: all(client.container(u)["state"] == "Complete" for u in both), what="both complete")
    assert client.container(both[0])["started_at"] < client.container(both[1])["started_at"]


def test_sigterm_leaves_containers_running_and_the_next_start_adopts_them(make_daemon, witness_dir):
    daemon = make_daemon(*FLAGS)
    client = daemon.start()
    job = workload.Job("slow", "echo started; sleep 4; echo done")
    submit_all(client, [job], witness_dir)
    wait_for(lambda: "started" in client.log(job.container), what="the container prints")
    assert daemon.stop() == 0
    assert daemon.runners(), "the runner goes on without the daemon"
    client = daemon.start()
    finish(client, [job])
    check_outcomes(client, [job], witness_dir)
    assert client.log(job.container) == "started\ndone\n"
