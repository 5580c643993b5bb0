"""No room on the disk: refused in clear words, nothing half done; once there is room, everything goes on."""

import os
import sqlite3

import pytest
from harness.client import ApiError
from harness.daemon import wait_for
from harness.disk import SmallDisk, ignore_file_size_signal, limit_file_size

SMALL = {"vcpus": 1, "ram": 1 << 20}
FLAGS = ("--vcpus", "2", "--ram", "2GiB")


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk; test_no_room_for_the_database does with less")
    disk = SmallDisk(tmp_path / "data", 16 << 20)
    yield disk
    disk.unmount()


def gated(client, tmp_path):
    """A container that runs until its gate opens, and leaves a line for each run."""
    gate, witness = tmp_path / "gate", tmp_path / "witness"
    script = f"echo run >> {witness}; while [ ! -e {gate} ]; do sleep 0.02; done; exit 5"
    uuid = client.submit(command=["sh", "-c", script], runtime_constraints=SMALL)["container_uuid"]
    wait_for(lambda: client.container(uuid)["state"] == "Running" and witness.exists(), what="it runs")
    return uuid, gate, witness


def submit_until_refused(client, most=100):
    """Submits until there is no room; what was answered, and the refusal."""
    taken = []
    for _ in range(most):
        try:
            taken.append(client.submit(command=["true"], environment={"FILL": "x" * 50_000}, runtime_constraints=SMALL)["container_uuid"])
        except ApiError as error:
            return taken, error
    raise AssertionError(f"{most} submissions were taken")


def check_nothing_is_lost(daemon, uuid, taken, witness):
    client = daemon.client
    assert set(client.containers()) == {uuid, *taken}, "what was answered, and nothing else"
    wait_for(lambda: all(c["state"] == "Complete" for c in client.containers().values()), what="all complete")
    exits = {u: c["exit_code"] for u, c in client.containers().items()}
    assert exits == {uuid: 5, **dict.fromkeys(taken, 0)}
    assert witness.read_text() == "run\n"
    after = client.submit(command=["true"], runtime_constraints=SMALL)["container_uuid"]
    wait_for(lambda: client.container(after)["state"] == "Complete", what="new work is done")
    assert daemon.stop() == 0
    with sqlite3.connect(daemon.data_dir / "queue.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_no_room_in_the_data_directory(make_daemon, disk, tmp_path):
    daemon = make_daemon(*FLAGS, data_dir=disk.path)
    client = daemon.start()
    uuid, gate, witness = gated(client, tmp_path)
    disk.fill()
    taken, refusal = submit_until_refused(client)
    assert refusal.status == 500 and "disk is full, nothing was changed" in refusal.body
    gate.touch()
    wait_for(lambda: daemon.log_path.read_text().count("disk is full") >= 3, what="the end of the container cannot be written, and is tried again")
    assert daemon.process.poll() is None
    assert client.container(uuid)["state"] == "Running"
    assert client.instances() and "containers_running" in client.metrics(), "what needs no disk works"
    disk.free()
    check_nothing_is_lost(daemon, uuid, taken, witness)


def test_a_start_without_room(make_daemon, disk):
    daemon = make_daemon(*FLAGS, data_dir=disk.path)
    client = daemon.start()
    uuid = client.submit(command=["true"], priority=0, runtime_constraints=SMALL)["container_uuid"]
    daemon.kill()
    disk.fill()
    with pytest.raises(RuntimeError) as refused:
        daemon.start()
    last = str(refused.value).splitlines()[-1]
    assert last.startswith("berthd: ") and str(disk.path) in last and "No space left" in last
    disk.free()
    assert set(daemon.start().containers()) == {uuid}


def test_no_room_for_the_database(make_daemon, tmp_path):
    """As if the file system that holds queue.db were full, and no other: its files cannot grow."""
    daemon = make_daemon(*FLAGS)
    daemon.preexec_fn = ignore_file_size_signal
    client = daemon.start()
    uuid, gate, witness = gated(client, tmp_path)
    largest = max(path.stat().st_size for path in daemon.data_dir.glob("queue.db*"))
    limit_file_size(daemon.process.pid, largest)
    taken, refusal = submit_until_refused(client)
    assert refusal.status == 500 and "database: " in refusal.body, refusal
    gate.touch()
    wait_for(lambda: daemon.log_path.read_text().count("a change could not be written") >= 3, what="it is tried again")
    assert daemon.process.poll() is None and client.container(uuid)["state"] == "Running"
    limit_file_size(daemon.process.pid, None)
    check_nothing_is_lost(daemon, uuid, taken, witness)
