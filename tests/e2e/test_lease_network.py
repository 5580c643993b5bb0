"""The network between the active dispatcher and PostgreSQL is cut: a namespace of its own, and one of two cables pulled."""

import os
import shutil
import subprocess
import time

import pytest
from harness.cluster import Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.postgres import Postgres


def can_make_namespaces():
    return os.geteuid() == 0 and shutil.which("ip") and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


class Island:
    """A network namespace with two cables to ours: 10.77.0.2 – 10.77.0.1 (PostgreSQL), 10.78.0.2 – 10.78.0.1 (all else)."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        ours = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.process.pid}/ns/net") != ours, 5, what="the namespace")
        self.prefix = ("nsenter", "--net", "--target", str(self.process.pid))
        self.inside("ip link set lo up")
        for number in (77, 78):
            run(f"ip link add berth{number} type veth peer name inner netns {self.process.pid}")
            run(f"ip addr add 10.{number}.0.1/24 dev berth{number}")
            run(f"ip link set berth{number} up")
            self.inside(f"ip link set inner name inner{number}")
            self.inside(f"ip addr add 10.{number}.0.2/24 dev inner{number}")
            self.inside(f"ip link set inner{number} up")

    def inside(self, command):
        subprocess.run([*self.prefix, *command.split()], check=True, timeout=10)

    def cut(self):
        run("ip link set berth77 down")

    def heal(self):
        run("ip link set berth77 up")

    def destroy(self):
        self.process.kill()
        self.process.wait(10)
        for number in (77, 78):
            subprocess.run(["ip", "link", "del", f"berth{number}"], capture_output=True)


def run(command):
    subprocess.run(command.split(), check=True, timeout=10)


@pytest.mark.skipif(not can_make_namespaces(), reason="needs the right to make network namespaces, and iproute2")
def test_a_cut_network(bin_dir, tmp_path):
    island = Island()
    postgres = Postgres("127.0.0.1,10.77.0.1")
    controller = FakeController()
    site = Site(bin_dir, tmp_path, controller, postgres.connection())
    try:
        active = site.daemon(prefix=island.prefix, address="10.78.0.2", controller_address="10.78.0.1",
                             connection=postgres.connection(host="10.77.0.1")).start()
        wait_for(active.active, 10, what="active")
        standby = site.daemon().start()
        first = controller.add(2)
        wait_for(lambda: set(controller.states(first)) == {"Complete"}, 30, what="the first containers")
        island.cut()
        cut = time.monotonic()
        wait_for(lambda: not active.active(), 4.5, what="the cut one stops acting")
        stopped = time.monotonic() - cut
        late = controller.add(4)
        assert not standby.active(), "the other begins well after that"
        wait_for(standby.active, 15 - stopped, what="take-over")
        took = time.monotonic() - cut
        print(f"stopped after {stopped:.2f} s, take-over after {took:.2f} s")
        assert controller.changes_since(cut + stopped, "Locked") == [] or min(controller.changes_since(cut + stopped, "Locked")) > cut + took - 1
        wait_for(lambda: set(controller.states(late)) == {"Complete"}, 30, what="the late containers")
        island.heal()
        wait_for(lambda: "held by another" in active.log(), 15, what="the cut one waits")
        assert not active.active() and standby.active()
        assert set(site.witnessed("run").values()) == {1}
    finally:
        site.destroy()
        controller.stop()
        postgres.destroy()
        island.destroy()
