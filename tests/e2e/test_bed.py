"""The bed of hosts itself: what tests over SSH rely on."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.processes import mentioning

pytestmark = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))


@pytest.fixture
def bed(tmp_path):
    made = beds.Bed(tmp_path / "bed")
    yield made
    made.destroy()


def test_hosts_have_all_of_their_own(bed):
    one, two = bed.create().wait(), bed.create().wait()
    one.run("echo private >/root/file; echo lock >/var/lock/file; echo tmp >/tmp/file")
    assert two.run("ls /root/file /var/lock/file /tmp/file 2>/dev/null", check=False) == "" and not os.path.exists("/root/file")
    assert one.run("hostname") == "host1\n" and two.run("hostname") == "host2\n"
    assert one.host_key() != two.host_key()
    assert not set(one.processes()) & set(two.processes())
    one.kill()
    assert not one.answers() and two.answers()
    one.boot()
    assert one.wait().run("ls /root/file 2>/dev/null", check=False) == ""


def test_faults_of_the_network_are_there_and_healed(bed):
    host = bed.create().wait()
    for fault in (host.drop, host.cut, lambda: host.delay(600)):
        fault()
        assert not host.answers()  # within a second
        host.heal()
        host.wait()


def test_a_stopped_sshd_and_a_full_disk(bed):
    host = bed.create().wait()
    host.stop_sshd()
    assert not host.answers()
    host.resume()
    host.wait()
    host.fill_disk()
    assert host.run("echo x >/tmp/more || echo full", check=False) == "full\n"
    host.free_disk()
    assert host.run("echo x >/tmp/more && echo fits") == "fits\n"


def test_nothing_outlives_a_killed_test(tmp_path):
    """Not even after kill -9, which runs no clean-up."""
    script = ("import sys; sys.path.insert(0, sys.argv[1]); from harness.bed import Bed; "
              "bed = Bed(sys.argv[2]); bed.create().wait(); print('up', flush=True); sys.stdin.read()")
    directory = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", script, pathlib.Path(beds.__file__).parents[1], directory], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    assert len(mentioning(str(directory))) > 1
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: not mentioning(str(directory)), 10, what="the hosts are gone")
    wait_for(lambda: beds.ip("-br", "link", "show", "type", "veth") == "", 10, what="their interfaces are gone")
    beds.ip("link", "del", beds.BRIDGE)  # this one would go with the suite's network namespace
