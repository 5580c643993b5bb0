"""Workers over SSH under faults made by real means: no container is lost or run twice."""

import time

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.ssh_site import instances, metric

pytestmark = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))




def test_a_partition_of_30_s_in_the_middle_of_running_containers(make_ssh_site, bin_dir):
    """Nobody but time tells either side. Half of the containers end while they are cut off. The runner is berth-run."""
    site = make_ssh_site(vcpus=5, runner=bin_dir / "berth-run")

    def fields(uuid):
        seconds = 0 if started else 15 if int(uuid[-1]) % 2 else 36
        script = f"echo run >>{site.witness}/{uuid}; sleep {seconds}"
        return {"command": ["sh", "-c", script], "cwd": ".", "environment": {}, "container_image": ""}

    started = False
    daemon = site.daemon().start()
    uuids = site.add_running(12, fields=fields)
    started = True
    hosts = site.cloud.hosts()
    assert len(hosts) == 3
    before = time.monotonic()
    for host in hosts:
        host.drop()
    later = site.controller.add(3, fields=fields)  # to be started while nobody can be reached
    wait_for(lambda: time.monotonic() > before + 30, 40, what="half a minute")
    assert set(site.controller.states(uuids)) == {"Running"}
    for host in hosts:
        host.heal()
    site.assert_all_complete(uuids + later, 120)
    site.assert_each_ran_once(uuids + later)
    assert site.cloud.created == 3 and len(instances(daemon)) == 3


def test_a_cable_that_is_pulled_and_put_back(make_ssh_site):
    site = make_ssh_site(vcpus=4, seconds=12)
    site.daemon().start()
    uuids = site.add_running(8)
    before = time.monotonic()
    cut = site.cloud.hosts()[0]
    cut.cut()
    wait_for(lambda: time.monotonic() > before + 6, 10, what="six seconds")
    cut.heal()
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    assert site.cloud.created == 2


def test_packets_that_take_long(make_ssh_site):
    site = make_ssh_site(vcpus=4)
    site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    site.cloud.hosts()[0].delay(100)
    uuids = site.controller.add(8)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)


def test_a_host_that_no_longer_answers_holds_nobody_up(make_ssh_site):
    """Its sshd is stopped: connections stay open and nothing ever comes."""
    site = make_ssh_site(vcpus=4, seconds=1, timeout_probe="12s")
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(8))
    silent = site.cloud.hosts()[0]
    silent.stop_sshd()
    uuids = site.controller.add(8)
    # Those that were sent to it are in the dark until the host is given up; the others do not wait for that.
    wait_for(lambda: site.controller.states(uuids).count("Complete") >= 4, 20, what="the other host works")
    wait_for(lambda: silent.name not in site.cloud.instances, 40, what="the silent host is destroyed")
    wait_for(lambda: set(site.controller.states(uuids)) <= {"Complete", "Cancelled"}, 60, what="all final")
    assert max(site.witnessed("run").values()) == 1
    assert daemon.process.poll() is None


def test_a_host_that_dies_takes_its_containers_with_it_and_no_others(make_ssh_site):
    site = make_ssh_site(vcpus=2, seconds=15, timeout_probe="6s")
    site.daemon().start()
    uuids = site.add_running(4)
    dead = site.cloud.hosts()[0]
    lost = {line for line in dead.run("ls /var/lock").split() if line.endswith(".lock") and "-dz642-" in line}
    assert len(lost) == 2
    dead.kill()
    wait_for(lambda: set(site.controller.states(uuids)) <= {"Complete", "Cancelled"}, 60, what="all final")
    became = {uuid: site.controller.states([uuid])[0] for uuid in uuids}
    assert {f"crunch-run-{uuid}.lock" for uuid, state in became.items() if state == "Cancelled"} == lost
    site.assert_each_ran_once(uuids)
    assert dead.name not in site.cloud.instances


def test_a_runner_that_dies_is_noticed_and_its_container_not_run_again(make_ssh_site):
    site = make_ssh_site(vcpus=2, seconds=8)
    site.daemon().start()
    uuids = site.add_running(2)
    host = site.cloud.hosts()[0]
    host.run(f"kill -9 $(sed 's/.*\"PID\": *//; s/}}.*//' /var/lock/crunch-run-{uuids[0]}.lock)")
    wait_for(lambda: set(site.controller.states(uuids)) == {"Cancelled", "Complete"}, 30, what="both final")
    assert site.controller.states(uuids) == ["Cancelled", "Complete"]
    site.assert_each_ran_once(uuids)


def test_a_host_that_comes_back_with_another_key_is_verified_again(make_ssh_site):
    site = make_ssh_site(timeout_probe="1m")
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    host = site.cloud.hosts()[0]
    assert metric(daemon, 'berth_host_checks_total{outcome="accepted"}') == 1
    host.kill()
    host.new_host_key()
    host.boot()
    wait_for(lambda: metric(daemon, 'berth_host_checks_total{outcome="accepted"}') == 2, 40, what="the second check")
    assert metric(daemon, 'berth_host_checks_total{outcome="refused"}') == 0


def test_another_machine_at_the_address_of_a_worker_is_told_nothing(make_ssh_site):
    site = make_ssh_site(timeout_probe="10s")
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    host = site.cloud.hosts()[0]
    host.kill()
    host.new_host_key()
    (host.directory / "userdata").write_text("echo -n 1111111111111111111111111111111111111111 >/run/arvados-instance-secret\n")
    host.boot()
    wait_for(lambda: metric(daemon, 'berth_host_checks_total{outcome="refused"}') >= 1, 30, what="the refusal")
    assert "host refused: it is not the instance" in daemon.log()
    assert "arvados-crunch-run" not in host.run("ls /tmp")
    wait_for(lambda: host.name not in site.cloud.instances, 40, what="the worker is given up")
    site.assert_all_complete(site.controller.add(1))


def test_a_disk_that_fills_up_while_containers_run(make_ssh_site):
    site = make_ssh_site(vcpus=2, seconds=3)
    site.daemon().start()
    uuids = site.add_running(2)
    host = site.cloud.hosts()[0]
    host.fill_disk("/run")  # where locks are
    host.fill_disk("/tmp")
    site.assert_all_complete(uuids)
    host.free_disk("/run")
    host.free_disk("/tmp")
    more = site.controller.add(2)
    wait_for(lambda: set(site.controller.states(more)) <= {"Complete", "Cancelled"}, 60, what="all final")
    assert all(count == 1 for count in site.witnessed("run").values())
