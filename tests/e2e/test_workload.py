"""The main job with real processes: outcomes, and that nothing runs twice, whatever happens to the daemon."""

import pytest
from harness import workload
from harness.daemon import wait_for

FINAL = ("Complete", "Cancelled")
FLAGS = ("--vcpus", "8", "--ram", "8GiB")
SMALL = {"vcpus": 1, "ram": 1 << 20}


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
    jobs = workload.mixed(16, seed=2)
    submit_all(client, jobs, witness_dir)
    wait_for(lambda: MOMENTS[moment](list(client.containers().values())), interval=0.005, what=moment)
    daemon.kill()
    client = daemon.start()
    finish(client, jobs)
    check_outcomes(client, jobs, witness_dir)


def test_kill_9_again_and_again(make_daemon, witness_dir):
    daemon = make_daemon(*FLAGS)
    client = daemon.start()
    jobs = workload.mixed(16, seed=3)
    submit_all(client, jobs, witness_dir)
    for done in (2, 5, 8, 11):
        def enough():
            cancel_once_started(client, jobs)
            return sum(r["state"] in FINAL for r in client.containers().values()) >= done
        wait_for(enough, interval=0.02, what=f"{done} ended")
        daemon.kill()
        client = daemon.start()
    finish(client, jobs)
    check_outcomes(client, jobs, witness_dir)


@pytest.fixture
def one_slot(make_daemon):
    """A client of a daemon with room for one container at a time, and what ends the one that has it now."""
    client = make_daemon("--vcpus", "1", "--ram", "2GiB").start()
    blocker = client.submit(command=["sleep", "600"], priority=1000, name="blocker", runtime_constraints=SMALL)
    wait_for(lambda: client.container(blocker["container_uuid"])["state"] == "Running", what="the blocker runs")
    return client, lambda: client.cancel(blocker["uuid"])


def started_in_order(client, requests):
    """Keys of `requests` in the order in which their containers started, once all are complete."""
    containers = {key: request["container_uuid"] for key, request in requests.items()}
    wait_for(lambda: all(client.container(uuid)["state"] == "Complete" for uuid in containers.values()), what="all complete")
    return sorted(containers, key=lambda key: client.container(containers[key])["started_at"])


def test_priority_order(one_slot):
    """On a machine of one processor containers run one by one, the highest priority first."""
    client, go = one_slot
    requests = {p: client.submit(command=["true"], priority=p, runtime_constraints=SMALL) for p in (100, 900, 300, 700, 500)}
    go()
    assert started_in_order(client, requests) == [900, 700, 500, 300, 100]


def test_reprioritise_is_seen(one_slot):
    client, go = one_slot
    requests = {name: client.submit(command=["true"], priority=priority, runtime_constraints=SMALL)
                for name, priority in (("low", 100), ("high", 500))}
    client.api("PUT", f"/arvados/v1/container_requests/{requests['low']['uuid']}", {"container_request": {"priority": 900}})
    go()
    assert started_in_order(client, requests) == ["low", "high"]


def test_sigterm_leaves_containers_running_and_the_next_start_adopts_them(make_daemon, witness_dir):
    daemon = make_daemon(*FLAGS)
    client = daemon.start()
    gate = witness_dir / "gate"
    job = workload.Job("slow", f"echo started; while [ ! -e {gate} ]; do sleep 0.02; done; echo done")
    submit_all(client, [job], witness_dir)
    wait_for(lambda: "started" in client.log(job.container), what="the container prints")
    assert daemon.stop() == 0
    assert daemon.runners(), "the runner goes on without the daemon"
    client = daemon.start()
    wait_for(lambda: any(job.container in (i["running_container_uuids"] or []) for i in client.instances()), what="it is adopted")
    gate.touch()
    finish(client, [job])
    check_outcomes(client, [job], witness_dir)
    assert client.log(job.container) == "started\ndone\n"
