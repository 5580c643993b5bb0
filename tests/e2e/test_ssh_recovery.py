"""A dispatcher that is killed and started again finds its workers over SSH, and what runs on them (facts §6.12)."""

import json
import re

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.ssh_site import instances

pytestmark = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))


def found_pids(daemon):
    """What the daemon says that it knows of runners, by container."""
    lines = [json.loads(line) for line in daemon.log().splitlines() if "runner's process known" in line]
    return {line["ContainerUUID"]: line["RunnerPID"] for line in lines}


def test_kill_9_while_20_containers_run(make_ssh_site):
    site = make_ssh_site(vcpus=5, seconds=25)
    first = site.daemon().start()
    uuids = site.add_running(20)
    first.kill()
    second = site.daemon().start()
    wait_for(lambda: second.log().count("found a running container") == 20, 30, what="all are adopted")
    adopted = {uuid for i in instances(second).values() for uuid in i["running_container_uuids"]}
    assert adopted == set(uuids)
    # `--list` names no PID: the lock files do.
    wait_for(lambda: len(found_pids(second)) == 20, 20, what="their PIDs are known")
    in_files = {}
    for host in site.cloud.hosts():
        for uuid, pid in re.findall(r'"UUID": ?"([-0-9a-z]+)", ?"PID": ?(\d+)', host.run("cat /var/lock/crunch-run-zzzzz-dz642-*.lock")):
            in_files[uuid] = int(pid)
    assert found_pids(second) == in_files
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    starts = site.witnessed("start")
    assert {starts[uuid] for uuid in uuids} == {1}
    assert site.cloud.created == 4


def test_kill_9_while_containers_start(make_ssh_site):
    """Whatever was on its way: each container runs once."""
    site = make_ssh_site(vcpus=10, seconds=1)
    daemon = site.daemon().start()
    uuids = site.controller.add(40)
    for count in (4, 14, 24):
        wait_for(lambda: site.controller.states(uuids).count("Complete") >= count, 60, what=f"{count} are complete")
        daemon.kill()
        daemon = site.daemon().start()
    wait_for(lambda: set(site.controller.states(uuids)) <= {"Complete", "Cancelled"}, 120, what="all final")
    assert set(site.controller.states(uuids)) == {"Complete"}
    site.assert_each_ran_once(uuids)


def test_hold_and_drain_outlive_the_dispatcher(make_ssh_site):
    site = make_ssh_site(vcpus=1, seconds=20, timeout_idle="5s")
    first = site.daemon().start()
    uuids = site.add_running(2)
    held, drained = sorted(instances(first))
    assert first.post(f"/arvados/v1/dispatch/instances/hold?instance_id={held}") == 200
    assert first.post(f"/arvados/v1/dispatch/instances/drain?instance_id={drained}") == 200
    wait_for(lambda: site.cloud.tag(held, "IdleBehavior") == "hold" and site.cloud.tag(drained, "IdleBehavior") == "drain", 10, what="the tags")
    first.kill()
    second = site.daemon().start()
    wait_for(lambda: second.log().count("found a running container") == 2, 30, what="both are adopted")
    behaviors = {id: i["idle_behavior"] for id, i in instances(second).items()}
    assert behaviors == {held: "hold", drained: "drain"}
    site.assert_all_complete(uuids)
    wait_for(lambda: drained not in site.cloud.instances, 20, what="the drained one is destroyed")
    wait_for(lambda: instances(second).get(held, {}).get("worker_state") == "idle", 10, what="the other one idles")
    assert held in site.cloud.instances
    site.assert_each_ran_once(uuids)
