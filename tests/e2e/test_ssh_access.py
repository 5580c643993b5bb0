"""Workers over SSH: keys and ports, copies of the runner that others made or that broke off, and workers that are a nuisance."""

import hashlib
import json
import subprocess

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.fake_controller import TOKEN_UUID
from harness.ssh_site import metric

pytestmark = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))

# ssh-keygen's name of the type and of the form; None: PKCS#8 by openssl, for ssh-keygen has no such Ed25519 keys.
KEYS = {"rsa": ("rsa", "RFC4716"), "rsa-pkcs1": ("rsa", "PEM"), "rsa-pkcs8": ("rsa", "PKCS8"), "ecdsa": ("ecdsa", "RFC4716"), "ecdsa-sec1": ("ecdsa", "PEM"),
        "ecdsa-pkcs8": ("ecdsa", "PKCS8"), "ed25519": ("ed25519", "RFC4716")}


def test_every_kind_of_key_and_a_port_in_the_address(make_ssh_site):
    """One host that takes them all, a daemon for each."""
    site = make_ssh_site(port=2222)
    site.cloud.tells_ports = True
    site.values["port"] = "1"  # what it would be without
    keys, public = [], []
    for name, (kind, form) in KEYS.items():
        keys.append(site.directory / name)
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", "", "-C", name, "-f", keys[-1]], check=True, stdin=subprocess.DEVNULL)
        public.append(keys[-1].with_name(name + ".pub").read_text())
    site.cloud.host_options = {"public_key": "".join(public)}
    in_configuration = json.dumps(keys[0].read_text())  # itself, not its file's name
    for key in [in_configuration, *(f"file://{key}" for key in keys)]:
        site.values["key"] = key
        daemon = site.daemon().start()
        site.assert_all_complete(site.controller.add(1))
        daemon.stop()
    assert site.cloud.created == 1


def test_a_runner_that_the_other_program_placed_is_left_alone(make_ssh_site):
    site = make_ssh_site()
    path, text, before = site.deployed_path(), site.runner.read_text(), []

    def place(host):
        host.wait().run(f"mkdir -p $(dirname {path}) && cat >{path} && chmod 0755 {path}", stdin=text)
        before.append(host.run(f"stat -c '%i %y %a' {path}"))

    site.cloud.on_create = place
    site.daemon().start()
    site.assert_all_complete(site.controller.add(2))
    host = site.cloud.hosts()[0]
    assert [host.run(f"stat -c '%i %y %a' {path}")] == before
    assert len(host.run(f"ls -A $(dirname {path})").split()) == 1


def test_a_copy_that_is_cut_off_leaves_nothing_and_is_made_again(make_ssh_site):
    site = make_ssh_site()
    with open(site.runner, "a") as runner:
        runner.write("\n#" + "x" * (12 << 20))
    site.cloud.on_create = lambda host: host.wait().delay(200)  # a copy takes seconds
    site.daemon().start()
    uuids = site.controller.add(1)
    host = wait_for(lambda: site.cloud.hosts(), 30, what="a host")[0]
    wait_for(lambda: host.run("find /tmp/arvados-crunch-run -name '*.new.*' -size +64k 2>/dev/null", check=False), 30, what="half a copy")
    host.run("pkill -9 -f '^sshd: '")
    wait_for(lambda: host.run("ls -A /tmp/arvados-crunch-run") == "", 10, interval=0.005, what="nothing is left")
    host.heal()
    site.assert_all_complete(uuids)
    path = site.deployed_path()
    assert host.run("ls -A /tmp/arvados-crunch-run") == path.rsplit("/", 1)[1] + "\n"
    assert hashlib.md5(host.run(f"cat {path}").encode()).hexdigest() == path.split("~")[1]
    assert site.cloud.created == 1


def test_a_stale_lock_is_released_beside_adopted_containers(make_ssh_site):
    site = make_ssh_site(vcpus=4, seconds=12)
    first = site.daemon().start()
    running = site.controller.add(2)
    wait_for(lambda: set(site.controller.states(running)) == {"Running"}, 60, what="both run")
    first.kill()
    stale = site.controller.add(1, fields=lambda uuid: {"state": "Locked", "locked_by_uuid": TOKEN_UUID})
    second = site.daemon().start()
    wait_for(lambda: second.log().count("found a running container") == 2, 30, what="both are adopted")
    site.assert_all_complete(running + stale)
    site.assert_each_ran_once(running + stale)
    released = [(was, now) for _, uuid, was, now in site.controller.history if uuid == stale[0]]
    assert released[0] == ("Locked", "Queued")
    assert all(("Running", "Queued") != change[2:] for change in site.controller.history)


def test_endless_output_of_one_worker_stalls_no_other(make_ssh_site):
    site = make_ssh_site(vcpus=2, seconds=0.2)
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(4))
    loud, quiet = site.cloud.hosts()[:2]
    loud.run(f"printf '#!/bin/sh\\nexec yes endless' >{site.deployed_path()}")  # whatever it is asked
    wait_for(lambda: "run probe failed" in daemon.log(), 30, what="a probe without end")
    assert daemon.post(f"/arvados/v1/dispatch/instances/hold?instance_id={loud.name}") == 200  # nothing is started there
    uuids = site.controller.add(6)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    assert quiet.name in site.cloud.instances and loud.name in site.cloud.instances


def test_rounds_of_probes_that_do_not_fit_are_told(make_ssh_site):
    """Hosts that boot are asked every second, each."""
    site = make_ssh_site(vcpus=1, seconds=0, probes_per_second=1)
    site.cloud.host_options = {"boot_delay": 6}
    daemon = site.daemon().start()
    uuids = site.controller.add(3)
    wait_for(lambda: "MaxProbesPerSecond is too low" in daemon.log(), 20, what="the warning")
    wait_for(lambda: metric(daemon, "berth_probe_round_lag_seconds") >= 1, 30, what="the lag")
    site.assert_all_complete(uuids)
