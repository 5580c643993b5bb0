"""berthctl as its user meets it."""

import os
import subprocess
import time

import pytest
from harness.daemon import free_port, wait_for


def run(*argv, **kwargs):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, **kwargs)


@pytest.fixture(scope="module")
def daemon(make_shared_daemon):
    daemon = make_shared_daemon("--vcpus", "1", "--ram", "2GiB")
    daemon.start()
    return daemon


@pytest.fixture
def ctl(bin_dir, daemon):
    """Runs berthctl for the shared daemon."""
    return lambda *argv, **kwargs: run(bin_dir / "berthctl", "--env-file", daemon.data_dir / "env", *argv, **kwargs)


@pytest.fixture
def blocked(ctl, daemon):
    """The one processor is taken until the test ends."""
    blocker = ctl("submit", "--name", "blocker", "--priority", "1000", "--", "sleep", "600").stdout.strip()
    wait_for(lambda: daemon.client.container(blocker)["state"] == "Running", what="the blocker runs")
    yield blocker
    ctl("cancel", blocker)
    wait_for(lambda: daemon.client.container(blocker)["state"] == "Cancelled", what="the blocker ends")


def row(listing, uuid):
    return next((line for line in listing.stdout.splitlines() if line.startswith(uuid)), None)


def test_from_submission_to_end(ctl):
    done = ctl("submit", "--name", "greeting", "--wait", "--", "sh", "-c", "echo hello; exit 4")
    assert done.returncode == 4, done.stderr
    uuid = done.stdout.strip()
    assert ctl("logs", uuid).stdout == "hello\n"
    ended = row(ctl("queue", "--all"), uuid)
    assert "greeting" in ended and "exit 4" in ended and " 500 " in ended
    assert row(ctl("queue"), uuid) is None
    nowhere = ctl("submit", "--vcpus", "4096", "--wait", "--", "true")
    assert nowhere.returncode == 1 and "satisf" in nowhere.stderr


def test_what_runs_is_shown_and_cancelled(ctl):
    slow = ctl("submit", "--", "sleep", "600").stdout.strip()
    wait_for(lambda: slow in ctl("instances").stdout, what="the instance shows the container")
    wait_for(lambda: "Running" in row(ctl("queue"), slow), what="running in the queue")
    done = ctl("cancel", slow)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: "Cancelled" in (row(ctl("queue", "--all"), slow) or ""), what="cancelled")
    assert row(ctl("queue"), slow) is None


def test_what_waits_is_cancelled_at_once(ctl, blocked, daemon):
    waiting = ctl("submit", "--", "true").stdout.strip()
    wait_for(lambda: row(ctl("queue"), waiting), what="it waits")
    done = ctl("cancel", waiting)
    assert done.returncode == 0 and "ended" in done.stdout, done.stdout + done.stderr
    assert daemon.client.container(waiting)["state"] == "Cancelled"
    assert row(ctl("queue"), waiting) is None
    again = ctl("cancel", waiting)
    assert again.returncode == 0 and "had ended before" in again.stdout, again.stdout + again.stderr


def test_priority(ctl, blocked, daemon):
    """Raised by container or by request, a container goes ahead; at 0 it is held back, and says so."""
    first, second, third = (ctl("submit", "--name", f"n{i}", "--", "true").stdout.strip() for i in range(3))

    def order():
        listed = [line.split()[0] for line in ctl("queue").stdout.splitlines()]
        return [uuid for uuid in listed if uuid in (first, second, third)]
    wait_for(lambda: order() == [first, second, third], what="older first")
    assert ctl("priority", third, "900").returncode == 0
    wait_for(lambda: order() == [third, first, second], what="the raised one first")
    assert " 900 " in row(ctl("queue"), third)
    request = daemon.client.api("GET", "/arvados/v1/container_requests", {"filters": [["container_uuid", "=", second]]})["items"][0]["uuid"]
    assert ctl("priority", request, "950").stdout == f"{request}: priority is 950 now\n"
    wait_for(lambda: order() == [second, third, first], what="by request, too")
    held = ctl("priority", second, "0")
    assert held.returncode == 0 and "held back" in held.stderr
    wait_for(lambda: order() == [third, first, second], what="held back: last")
    assert "Queued" in row(ctl("queue"), second) and "Held back" in row(ctl("queue"), second)
    for uuid in (first, second, third):
        assert ctl("cancel", uuid).returncode == 0
    ended = ctl("priority", first, "5")
    assert ended.returncode == 1 and "no request asks" not in ended.stderr and "has ended" in ended.stderr
    absent = ctl("priority", "berth-dz642-aaaaaaaaaaaaaaa", "5")
    assert absent.returncode == 1 and "no request asks for this container" in absent.stderr


def test_submitted_with_priority_zero(ctl):
    done = ctl("submit", "--name", "patient", "--priority", "0", "--", "true")
    uuid = done.stdout.strip()
    assert done.returncode == 0 and "held back" in done.stderr and uuid in done.stderr
    shown = row(ctl("queue"), uuid)
    assert "Queued" in shown and "patient" in shown and "Held back: its priority is 0." in shown
    assert ctl("priority", uuid, "1").returncode == 0
    wait_for(lambda: "exit 0" in (row(ctl("queue", "--all"), uuid) or ""), what="it runs once it may")


def test_names_cannot_move_the_cursor(ctl):
    uuid = ctl("submit", "--priority", "0", "--name", "a\033[2Jb", "--", "true").stdout.strip()
    assert "a?[2Jb" in row(ctl("queue"), uuid)
    ctl("cancel", uuid)


def test_follow_sees_all_of_it(ctl):
    followed = ctl("submit", "--", "sh", "-c", "echo one; sleep 0.5; echo two").stdout.strip()
    done = ctl("logs", "--follow", followed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\n", "")


def test_a_log_of_more_than_64_mib(ctl, tmp_path):
    size = 70_000_000
    uuid = ctl("submit", "--wait", "--", "sh", "-c", f"yes 0123456789abcde | head -c {size}").stdout.strip()
    for flags in ((), ("--follow",)):
        done = ctl("logs", *flags, uuid)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "0123456789abcde\n" * (size // 16)


def test_follow_and_wait_outlive_a_restart(make_daemon, bin_dir, tmp_path):
    daemon = make_daemon("--vcpus", "1", "--ram", "2GiB")
    daemon.start()
    ctl = [bin_dir / "berthctl", "--env-file", daemon.data_dir / "env"]
    go, out, err = tmp_path / "go", tmp_path / "out", tmp_path / "err"
    script = f"echo one; while [ ! -e {go} ]; do sleep 0.05; done; echo two; exit 3"
    with open(tmp_path / "wait.err", "w") as wait_err:
        waiting = subprocess.Popen([*ctl, "submit", "--wait", "--", "sh", "-c", script], stdout=subprocess.PIPE, stderr=wait_err, text=True)
    uuid = waiting.stdout.readline().strip()
    with open(out, "w") as o, open(err, "w") as e:
        following = subprocess.Popen([*ctl, "logs", "--follow", uuid], stdout=o, stderr=e)
    try:
        wait_for(lambda: out.read_text() == "one\n", what="the first line")
        daemon.kill()
        for path in (err, tmp_path / "wait.err"):
            wait_for(lambda: "reconnecting" in path.read_text(), what=f"{path.name} says so")
        daemon.start()
        go.touch()
        assert following.wait(30) == 0, err.read_text()
        assert waiting.wait(30) == 3
    finally:
        following.kill()
        waiting.kill()
    assert out.read_text() == "one\ntwo\n"
    assert len(err.read_text().splitlines()) == 2 and "the daemon is back" in err.read_text(), err.read_text()


VERBS = (("queue",), ("instances",), ("logs", "berth-dz642-aaaaaaaaaaaaaaa"), ("logs", "-f", "berth-dz642-aaaaaaaaaaaaaaa"),
         ("cancel", "berth-dz642-aaaaaaaaaaaaaaa"), ("priority", "berth-dz642-aaaaaaaaaaaaaaa", "5"), ("submit", "--", "true"),
         ("instance", "drain", "local-0001"))


def refused(done, *words, code=1):
    assert done.returncode == code and done.stdout == "", done.stdout
    assert done.stderr.startswith("berthctl: ") and len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr, done.stderr


def env_file(daemon, path, **changes):
    lines = [line.split("=", 1) for line in (daemon.data_dir / "env").read_text().splitlines()]
    path.write_text("".join(f"{name}={changes.get(name, value)}\n" for name, value in lines))
    return path


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: " ".join(verb[:2]))
def test_words_when_it_cannot(bin_dir, daemon, tmp_path, verb):
    """At once, even for those verbs that are patient with a daemon that they have met."""
    ctl = bin_dir / "berthctl"
    nobody = f"http://127.0.0.1:{free_port()}"
    down = env_file(daemon, tmp_path / "down", BERTH_API_URL=nobody, BERTH_URL=nobody)
    begin = time.monotonic()
    refused(run(ctl, "--env-file", down, *verb), nobody, "is berthd running?")
    assert time.monotonic() - begin < 10
    wrong = env_file(daemon, tmp_path / "wrong", ARVADOS_API_TOKEN="wrongwrong", BERTH_TOKEN="wrongwrong")
    done = run(ctl, "--env-file", wrong, *verb)
    refused(done, "40", f"the token is from {wrong}")
    assert "wrongwrong" not in done.stderr


def test_words_when_no_daemon_is_known(bin_dir, tmp_path, without_root_rights):
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    absent = tmp_path / "absent"
    refused(run(bin_dir / "berthctl", "--env-file", absent, "queue", env=bare), str(absent), "No such file")
    closed = tmp_path / "closed"
    closed.write_text("BERTH_API_URL=http://127.0.0.1:1\n")
    closed.chmod(0)
    refused(run(*without_root_rights, bin_dir / "berthctl", "--env-file", closed, "queue", env=bare), str(closed), "Permission denied")
    default = "/var/lib/berth/env" if os.geteuid() == 0 else str(tmp_path / "berth/env")
    if not os.path.exists(default):
        refused(run(bin_dir / "berthctl", "queue", env=bare), "no daemon known", default, "--env-file")
    refused(run(bin_dir / "berthctl", "queue", env={**bare, "ARVADOS_API_HOST": "x"}), "the environment", "ARVADOS_API_TOKEN")


def start(bin_dir, data_dir):
    """Another port each time, and not waited for."""
    return subprocess.Popen([bin_dir / "berthd", "--standalone", "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--vcpus", "1", "--ram", "1GiB"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_right_after_the_daemon_was_started(bin_dir, tmp_path):
    data_dir = tmp_path / "data"
    for _ in range(3):  # at first there is no env file, then one with an address that nobody serves any more
        process = start(bin_dir, data_dir)
        try:
            done = run(bin_dir / "berthctl", "--env-file", data_dir / "env", "submit", "--wait", "--ram", "1MiB", "--", "true")
            assert done.returncode == 0, done.stderr
        finally:
            process.kill()
            process.wait()


def test_while_the_daemon_takes_its_time(bin_dir, tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "lock").write_text(f"{os.getpid()}\n")
    waiting = subprocess.Popen([bin_dir / "berthctl", "--env-file", data_dir / "env", "queue"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stderr.readline() == f"berthctl: the daemon of {data_dir} is starting\n"
    process = start(bin_dir, data_dir)
    try:
        out, err = waiting.communicate(timeout=60)
        assert waiting.returncode == 0 and out.startswith("CONTAINER") and not err, err
    finally:
        process.kill()
        process.wait()


def test_usage_errors(ctl):
    for argv in (("frobnicate",), (), ("priority", "u", "1001"), ("submit", "--priority", "-1", "--", "true")):
        done = ctl(*argv)
        assert done.returncode == 2 and done.stderr and not done.stdout, argv
    for verb in ("logs", "cancel"):
        refused(ctl(verb, "nonsense"), "'nonsense' is no uuid", code=2)
    refused(ctl("submit", "--ram", "much", "--", "true"), "--ram", "is not a size", code=2)


def test_output_that_cannot_be_written(ctl, bin_dir, daemon):
    uuid = ctl("submit", "--wait", "--", "echo", "hello").stdout.strip()
    with open("/dev/full", "w") as full:
        for verb in (("queue",), ("logs", uuid)):
            done = subprocess.run([bin_dir / "berthctl", "--env-file", daemon.data_dir / "env", *verb], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
            assert done.returncode == 1 and "No space left" in done.stderr, verb
