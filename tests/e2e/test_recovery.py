"""What a dispatcher leaves behind (tags, lock files, locked records; facts §6.12, §5.7) is taken over by the next one, whichever
program left it: here the test writes it as the facts say, then one berthd follows another."""

import hashlib
import json
import os
import subprocess
import time

import pytest
from harness.cluster import CONFIG, Site
from harness.daemon import wait_for
from harness.fake_controller import TOKEN_UUID, FakeController

ROOT_TOKEN = "systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy"
OTHER_TOKEN_UUID = "zzzzz-gj3su-999999999999999"


@pytest.fixture
def site(bin_dir, tmp_path):
    controller = FakeController()
    site = Site(bin_dir, tmp_path, controller, {}, seconds=12)
    yield site
    site.destroy()
    controller.stop()


def leave_instance(site, name, set_id, behavior):
    directory = site.instances / name
    (directory / "lock").mkdir(parents=True)
    (directory / "work").mkdir()
    (directory / "instance.json").write_text(json.dumps({
        "InstanceType": "small", "ProviderType": "small", "VCPUs": 1, "CreatedAt": "2026-01-01T00:00:00Z",
        "Tags": {"ArvadosInstanceSetID": set_id, "ArvadosInstanceType": "small", "ArvadosIdleBehavior": behavior,
                 "ArvadosInstanceSecret": "0123456789abcdef0123456789abcdef01234567"}}))
    return directory / "lock"


def leave_running(site, lock_dir, uuid):
    """A runner at work: started as a dispatcher starts it, by a dispatcher that is gone."""
    config = {"Env": {"ARVADOS_API_HOST": f"127.0.0.1:{site.controller.port}", "ARVADOS_API_TOKEN": ROOT_TOKEN}}
    subprocess.run([site.runner, "--detach", "--stdin-config", uuid], input=json.dumps(config), text=True, check=True,
                   env=dict(os.environ, BERTH_LOCK_DIR=str(lock_dir)))


def instances(daemon):
    items = json.loads(daemon.get("/arvados/v1/dispatch/instances")[1] or "{}").get("items") or []
    return {item["instance"]: item for item in items}


def set_record(site, uuid, **fields):
    with site.controller.mutex:
        site.controller.containers[uuid].update(fields)


def test_what_another_dispatcher_left_is_taken_over_twice(site):
    own = hashlib.md5(ROOT_TOKEN.encode()).hexdigest()  # instance-set id, facts §1.6
    leave_instance(site, "local-0001", own, "hold")
    lock_dir = leave_instance(site, "local-0002", own, "run")
    leave_instance(site, "local-0003", "0" * 32, "run")
    running, stale, foreign = site.controller.add(3)
    set_record(site, running, state="Locked", locked_by_uuid=TOKEN_UUID)
    set_record(site, stale, state="Locked", locked_by_uuid=TOKEN_UUID)
    set_record(site, foreign, state="Locked", locked_by_uuid=OTHER_TOKEN_UUID)
    leave_running(site, lock_dir, running)
    wait_for(lambda: site.controller.states([running]) == ["Running"], 10, what="it runs")

    for generation in range(2):
        daemon = site.daemon(flags=("--no-lock",)).start()
        wait_for(lambda: running in (instances(daemon).get("local-0002", {}).get("running_container_uuids") or []), 15, what="adopted")
        seen = instances(daemon)
        assert seen["local-0001"]["idle_behavior"] == "hold" and seen["local-0001"]["arvados_instance_type"] == "small"
        assert "local-0003" not in seen, "it belongs to another cluster"
        # The stale lock is released, and the container then runs on something else than the held instance.
        wait_for(lambda: site.controller.states([stale]) == ["Running"], 20, what="the stale one runs")
        assert not instances(daemon)["local-0001"]["running_container_uuids"]
        if generation == 0:
            daemon.kill()

    wait_for(lambda: site.controller.states([running, stale]) == ["Complete"] * 2, 60, interval=0.1, what="both complete")
    assert site.witnessed("run") == {running: 1, stale: 1}
    assert site.controller.states([foreign]) == ["Locked"] and (site.instances / "local-0003/instance.json").exists()
    tags = json.loads((site.instances / "local-0001/instance.json").read_text())["Tags"]
    assert (tags["ArvadosIdleBehavior"], tags["ArvadosInstanceSetID"]) == ("hold", own)
    changes = [(old, new) for _, uuid, old, new in site.controller.history if uuid == stale]
    assert changes == [("Locked", "Queued"), ("Queued", "Locked"), ("Locked", "Running"), ("Running", "Complete")]


class GatedSite(Site):
    """Instances boot while a file is there."""

    @property
    def config(self):
        return CONFIG.replace('BootProbeCommand: "true"', f'BootProbeCommand: "test -e {self.directory}/gate"')


def test_sigterm_leaves_all_as_it_is_and_the_next_start_goes_on(bin_dir, tmp_path):
    controller = FakeController()
    site = GatedSite(bin_dir, tmp_path, controller, {}, seconds=15)
    gate = tmp_path / "gate"
    gate.touch()
    try:
        daemon = site.daemon(flags=("--no-lock",)).start()
        running = controller.add(3)
        wait_for(lambda: controller.states() == ["Running"] * 3, 20, what="three run")
        at_work = {item["running_container_uuids"][0]: name for name, item in instances(daemon).items()}
        held, drained = at_work[running[0]], at_work[running[1]]
        assert daemon.post(f"/arvados/v1/dispatch/instances/hold?instance_id={held}") == 200
        assert daemon.post(f"/arvados/v1/dispatch/instances/drain?instance_id={drained}") == 200
        gate.unlink()
        [locked] = controller.add(1)
        made = lambda: len(list(site.instances.glob("local-*/instance.json")))
        wait_for(lambda: controller.states([locked]) == ["Locked"] and made() == 4, 10,
                 what="one is locked for an instance that boots")

        stopped = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - stopped < 10
        assert controller.states(running + [locked]) == ["Running"] * 3 + ["Locked"]
        assert not controller.changes_since(stopped, "Queued"), "nothing is unlocked"
        assert made() == 4, "nothing is destroyed"

        gate.touch()
        successor = site.daemon(flags=("--no-lock",)).start()
        wait_for(lambda: all(uuid in (instances(successor).get(name, {}).get("running_container_uuids") or [])
                             for uuid, name in at_work.items()), 15, what="adopted")
        seen = instances(successor)
        assert [seen[name]["idle_behavior"] for name in (held, drained, at_work[running[2]])] == ["hold", "drain", "run"]
        wait_for(lambda: set(controller.states()) == {"Complete"}, 60, interval=0.1, what="all complete")
        assert site.witnessed("run") == dict.fromkeys(running + [locked], 1)
        wait_for(lambda: drained not in instances(successor), 20, what="the drained one is shut down")
        assert instances(successor)[held]["idle_behavior"] == "hold"
    finally:
        site.destroy()
        controller.stop()


def test_what_completes_while_it_is_stopped_stays_complete(bin_dir, tmp_path):
    """The user's last word (priority 0) comes as the command has ended: the dispatcher stops a runner that reports Complete, and must not
    take the record it knows, Running, for a container that was lost."""
    controller = FakeController()
    site = Site(bin_dir, tmp_path, controller, {}, seconds=60, completes_on_term=True)
    try:
        daemon = site.daemon(flags=("--no-lock",)).start()
        uuids = controller.add(6)
        wait_for(lambda: controller.states() == ["Running"] * 6, 20, what="all run")
        time.sleep(5)  # StaleLockTimeout: until then nothing counts as lost
        for uuid in uuids:
            set_record(site, uuid, priority=0)
        wait_for(lambda: "Running" not in controller.states(), 20, what="no runner is left")
        polls = controller.lists
        wait_for(lambda: controller.lists > polls + 20, 20, what="some polls have passed")
        assert controller.states() == ["Complete"] * 6, daemon.log()
    finally:
        site.destroy()
        controller.stop()
