"""Workers over SSH: boot, identity, deployment (facts §6.2, §6.8, §6.9), on hosts in namespaces."""

import hashlib

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.ssh_site import instances, metric

pytestmark = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))


@pytest.mark.parametrize("user, port", [("root", 22), ("crunch", 2222)])
def test_hosts_are_made_verified_and_given_the_runner(make_ssh_site, user, port):
    site = make_ssh_site(user=user, port=port)
    daemon = site.daemon().start()
    uuids = site.controller.add(6)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    hosts = site.cloud.hosts()
    assert hosts and metric(daemon, 'berth_host_checks_total{outcome="accepted"}') >= 1
    host = hosts[0]
    secret = site.cloud.tag(host.name, "InstanceSecret")
    assert len(secret) == 40 and host.run("cat /var/run/arvados-instance-secret") == secret
    assert host.run("stat -c %a:%U /run/arvados-instance-secret") == "600:root\n"
    path = site.deployed_path()
    assert hashlib.md5(host.run(f"cat {path}").encode()).hexdigest() == path.split("~")[1]
    assert host.run("stat -c '%a %U' /tmp/arvados-crunch-run; ls /tmp/arvados-crunch-run | wc -l") == "755 root\n1\n"
    assert "secret" not in daemon.log().lower() or secret not in daemon.log()


def test_the_runner_is_copied_once(make_ssh_site):
    site = make_ssh_site()
    first = site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    first.stop()
    host, path = site.cloud.hosts()[0], site.deployed_path()
    before = host.run(f"stat -c '%i %y' {path}")
    second = site.daemon().start()
    uuids = site.controller.add(2)
    site.assert_all_complete(uuids)
    assert "Complete" in site.controller.states(uuids) and site.cloud.created == 1
    assert host.run(f"stat -c '%i %y' {path}") == before, second.log()


def test_a_slow_boot_is_waited_for(make_ssh_site):
    site = make_ssh_site()
    site.cloud.host_options = {"boot_delay": 6}
    daemon = site.daemon().start()
    uuids = site.controller.add(1)
    wait_for(lambda: instances(daemon), 20, what="an instance")
    assert {i["worker_state"] for i in instances(daemon).values()} == {"booting"}
    site.assert_all_complete(uuids)
    assert site.cloud.created == 1


def test_a_host_with_another_secret_is_never_used(make_ssh_site):
    site = make_ssh_site(timeout_booting="8s")
    site.cloud.host_options = {"init_command": "umask 0177 && echo -n 0000000000000000000000000000000000000000 >/var/run/arvados-instance-secret"}
    daemon = site.daemon().start()
    uuids = site.controller.add(1)
    wait_for(lambda: "host refused: it is not the instance" in daemon.log(), 30, what="the refusal in the log")
    impostor = site.cloud.hosts()[0]
    assert metric(daemon, 'berth_host_checks_total{outcome="refused"}') >= 1
    assert metric(daemon, 'berth_host_checks_total{outcome="accepted"}') == 0
    assert "arvados" not in impostor.run("ls -A /tmp")  # nothing was sent
    site.cloud.host_options = {}
    site.assert_all_complete(uuids)  # on the next host, after the first one's boot time-out
    assert impostor.name not in site.cloud.instances
    assert metric(daemon, 'arvados_dispatchcloud_boot_outcomes{outcome="failure"}') == 1


def test_a_driver_that_knows_host_keys_decides(make_ssh_site):
    site = make_ssh_site(timeout_booting="8s")
    site.cloud.host_keys = "wrong"
    daemon = site.daemon().start()
    uuids = site.controller.add(1)
    wait_for(lambda: "host refused: it is not the instance" in daemon.log(), 30, what="the refusal in the log")
    impostor = site.cloud.hosts()[0]
    assert "arvados" not in impostor.run("ls -A /tmp")
    site.cloud.host_keys = "right"
    site.cloud.host_options = {"init_command": "true"}  # no secret there: none is asked for
    site.assert_all_complete(uuids)
    assert metric(daemon, 'berth_host_checks_total{outcome="accepted"}') == 1


def test_the_secret_may_come_later_than_the_connection(make_ssh_site):
    """User data that is still at work when sshd answers proves nothing against the host."""
    site = make_ssh_site()
    site.cloud.secret_delay = 5
    daemon = site.daemon().start()
    uuids = site.controller.add(1)
    site.assert_all_complete(uuids)
    assert site.cloud.created == 1
    assert metric(daemon, 'berth_host_checks_total{outcome="undecided"}') >= 1
    assert metric(daemon, 'berth_host_checks_total{outcome="refused"}') == 0 and "host refused" not in daemon.log()


def test_a_full_disk_leaves_no_half_of_a_runner(make_ssh_site):
    site = make_ssh_site()
    site.cloud.on_create = lambda host: host.wait() and host.fill_disk()
    daemon = site.daemon().start()
    uuids = site.controller.add(1)
    wait_for(lambda: "runner not deployed" in daemon.log(), 30, what="the failed copy in the log")
    host = site.cloud.hosts()[0]
    assert host.run("ls -A /tmp/arvados-crunch-run") == ""
    host.free_disk()
    site.assert_all_complete(uuids)
    assert site.cloud.created == 1


def test_an_address_may_come_later_than_the_instance(make_ssh_site):
    site = make_ssh_site()
    site.cloud.hides_addresses = True
    site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    assert site.cloud.created == 1
