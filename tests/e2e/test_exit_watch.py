"""The exit watch: workers tell when containers end. berth-run by itself, a standalone daemon, and hosts over SSH."""

import fcntl
import re
import subprocess

import pytest
from harness import bed as beds
from harness.daemon import wait_for
from harness.runner import make_api, RUNNER, UUID, worker
from harness.ssh_site import metric

over_ssh = pytest.mark.skipif(bool(beds.why_not()), reason=str(beds.why_not()))

HEALTHY, RESTARTS = "berth_exit_watches_healthy", "berth_exit_watch_restarts_total"


def ends(how):
    return f'berth_container_process_ends_total{{seen_by="{how}"}}'


class Watch:
    """`berth-run --watch`, line by line."""

    def __init__(self, worker):
        self.process = subprocess.Popen([RUNNER, "--watch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=worker.environment)

    def line(self):
        return self.process.stdout.readline()

    def end(self):
        """Closes its stdin; what it still said, and its exit code."""
        rest, _ = self.process.communicate(timeout=20)
        return rest, self.process.returncode


@pytest.fixture
def make_watch(worker):
    made = []

    def make():
        made.append(Watch(worker))
        return made[-1]

    yield make
    for watch in made:
        watch.process.kill()
        watch.process.communicate()


def test_the_runner_tells_of_starts_and_ends(worker, request, make_watch, tmp_path):
    gate = tmp_path / "gate"
    api = make_api(request, command=["sh", "-c", f"until [ -e {gate} ]; do sleep 0.02; done"])
    first = make_watch()
    assert first.line() == "watching\n"
    worker.start(api)
    assert first.line() == f"start {UUID}\n"
    second = make_watch()  # it finds what runs already
    assert [second.line(), second.line()] == ["watching\n", f"start {UUID}\n"]
    worker.list()  # a look changes nothing
    gate.touch()
    assert first.line() == second.line() == f"end {UUID}\n"
    with open(worker.lock_path(), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # it was told when the lock was free, not before
    assert worker.list() == ""
    (worker.locks / "crunch-run-broken").touch()
    assert first.line() == "broken\n"
    assert first.end() == ("", 0) and second.end() == ("broken\n", 0)


def test_the_runner_ends_if_there_is_nothing_to_watch(worker, make_watch):
    watch = make_watch()
    assert watch.line() == "watching\n"
    (worker.locks / "crunch-run-what.lock").write_text("x")
    (worker.locks / "crunch-run-zzzzz-dz642-00000000000000;.lock").write_text("x")
    (worker.locks / "other").write_text("x")
    for path in worker.locks.iterdir():
        path.unlink()
    worker.locks.rmdir()
    assert watch.process.wait(20) == 1 and watch.end()[0] == ""
    gone = make_watch()
    assert gone.end() == ("", 1)


def test_a_standalone_daemon_is_told(make_daemon):
    daemon = make_daemon("--vcpus", "2", "--ram", "2GiB")
    client = daemon.start()

    def value(name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", client.metrics(), re.MULTILINE)[1])

    def run(count):
        jobs = [client.submit(command=["true"], runtime_constraints={"vcpus": 1, "ram": 64 << 20}) for _ in range(count)]
        wait_for(lambda: all(client.container(job["container_uuid"])["state"] == "Complete" for job in jobs), what="all are complete")

    run(2)
    wait_for(lambda: value(HEALTHY) >= 1, what="a watch tells")
    watched = value(ends("watch"))
    run(10)
    wait_for(lambda: value(ends("watch")) >= watched + 8, what="ends are told")


def watchers(host):
    """PIDs there of the watch's command."""
    return [int(pid) for pid in host.run("pgrep -x perl || true").split()]


@over_ssh
def test_over_ssh_by_pid(make_ssh_site):
    """With a runner that has no --watch."""
    site = make_ssh_site(vcpus=4, seconds=0.5)
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(4))
    wait_for(lambda: metric(daemon, HEALTHY) == 1, 30, what="the watch tells")
    before = metric(daemon, ends("watch"))
    uuids = site.controller.add(12)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    wait_for(lambda: metric(daemon, ends("watch")) >= before + 10, 30, what="ends are told")
    one_each = lambda: {len(watchers(host)) for host in site.cloud.hosts()} == {1}
    wait_for(one_each, 30, what="one for all that runs there, also on the host that came last")


@over_ssh
def test_a_watch_sleeps_while_nothing_ends(make_ssh_site):
    site = make_ssh_site(vcpus=2, seconds=60)
    daemon = site.daemon().start()
    uuids = site.controller.add(2)
    wait_for(lambda: set(site.controller.states(uuids)) == {"Running"}, 30, what="all run")
    wait_for(lambda: metric(daemon, HEALTHY) == 1, 30, what="the watch tells")
    host, = site.cloud.hosts()
    watch, = watchers(host)

    def sleeps_for_a_second():
        before, after = host.run(f"for i in 1 2; do grep ^voluntary_ctxt /proc/{watch}/status; sleep 1; done").splitlines()
        return before == after
    wait_for(sleeps_for_a_second, 30, what="a second without a wake-up")


@over_ssh
def test_a_watch_that_dies_is_started_again_and_nothing_is_lost(make_ssh_site):
    site = make_ssh_site(vcpus=4, seconds=3)
    daemon = site.daemon().start()
    uuids = site.controller.add(4)
    wait_for(lambda: metric(daemon, HEALTHY) == 1, 30, what="the watch tells")
    host, = site.cloud.hosts()
    wait_for(lambda: set(site.controller.states(uuids)) == {"Running"}, 30, what="all run")
    first = watchers(host)
    host.run(f"kill -9 {first[0]}")
    site.assert_all_complete(uuids)
    wait_for(lambda: metric(daemon, RESTARTS) == 1 and metric(daemon, HEALTHY) == 1, 30, what="it tells again")
    assert watchers(host) != first
    uuids = site.controller.add(4)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)


@over_ssh
def test_a_worker_that_lies_is_not_believed(make_ssh_site):
    """Its perl says that everything has ended, at once and without end."""
    site = make_ssh_site(vcpus=2, seconds=2)
    site.cloud.on_create = lambda host: host.wait().run(
        "cp /bin/sh /tmp/sh; printf '%s\\n' '#!/tmp/sh' 'echo watching; while read -r pid; do while :; do echo end $pid; echo end 7; echo x; done; done' "
        ">/tmp/perl; chmod 755 /tmp/perl; mount --bind /tmp/perl /usr/bin/perl")
    daemon = site.daemon().start()
    uuids = site.controller.add(4)
    site.assert_all_complete(uuids)
    site.assert_each_ran_once(uuids)
    wait_for(lambda: metric(daemon, RESTARTS) >= 1, 60, what="the flood was ended")
    assert daemon.process.poll() is None


@over_ssh
def test_the_watch_ends_with_its_connection(make_ssh_site):
    site = make_ssh_site(vcpus=1, seconds=0.2)
    daemon = site.daemon().start()
    site.assert_all_complete(site.controller.add(1))
    host, = site.cloud.hosts()
    wait_for(lambda: watchers(host), 30, what="it runs")
    daemon.stop()
    wait_for(lambda: not watchers(host), 30, what="it is gone")
