"""berth-run, when its own processes are killed or its lock file goes away: no command lives on, and while one does, it is listed."""

import os
import pathlib
import shutil
import signal
import uuid as unique

import pytest
from harness.runner import make_api, UUID, wait_for, worker


def processes(word):
    """PIDs of processes with that word in their command line."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and word.encode() in pathlib.Path(entry.path, "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def runs(pid):
    """Not if it is dead and only waits to be asked how it ended: it holds nothing any more."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Tree:
    """A container whose command starts processes in every way that might escape."""

    def __init__(self, worker, request):
        self.worker, self.word = worker, f"sleep-{unique.uuid4().hex}"
        name = worker.locks.parent / self.word
        shutil.copy("/bin/sleep", name)
        script = (f"{name} 1000 & setsid {name} 1000 & (setsid sh -c '{name} 1000 & {name} 1000' &) ; env -i {name} 1000 & "
                  f"trap '' TERM; echo started; {name} 1000; {name} 1000")
        self.api = make_api(request, command=["sh", "-c", script])
        self.runner = worker.start(self.api)
        wait_for(lambda: len(self.alive()) == 8, "all are started")  # six of them, and two shells
        wait_for(lambda: b"started" in self.api.log["stdout"], "the output has come")
        self.guard = next(pid for pid in worker.processes() if pid != self.runner)

    def alive(self):
        return processes(self.word)

    def kill(self, victims):
        for victim in victims.split():
            os.kill(getattr(self, victim), signal.SIGKILL)
        for victim in victims.split():
            wait_for(lambda: not runs(getattr(self, victim)), f"the {victim} is dead")

    def alive_when_not_listed(self):
        """Asks for the list until the container is not in it; what is alive then."""
        def listed():
            text = self.worker.list()
            assert text in ("", UUID + "\n"), "never stale"
            return text
        wait_for(lambda: not listed(), "listed no more")
        return self.alive()


@pytest.fixture
def tree(worker, request):
    made = Tree(worker, request)
    yield made
    for pid in made.alive():
        os.kill(pid, signal.SIGKILL)


def test_without_its_runner_the_command_dies_at_once(tree):
    tree.kill("runner")
    wait_for(lambda: not tree.alive(), "all are dead, though nobody asks for the list", timeout=5)
    wait_for(lambda: not tree.worker.processes(), "the guard ends", timeout=5)
    assert tree.api.puts[1:] == []


def test_without_its_guard_the_command_is_stopped(tree):
    tree.kill("guard")
    wait_for(lambda: not tree.worker.processes(), "the runner ends")
    assert tree.alive() == []
    assert tree.api.record["state"] == "Cancelled" and "guard was killed" in tree.api.record["runtime_status"]["error"]


@pytest.mark.parametrize("victims", ["runner", "guard", "runner guard", "guard runner"])
def test_what_lives_is_listed(tree, victims):
    tree.kill(victims)
    # With both dead, only what has neither mark nor session left is out of reach; the session's other processes have the mark.
    left = tree.alive_when_not_listed()
    wiped = [pid for pid in left if pathlib.Path(f"/proc/{pid}/environ").read_bytes() == b""]
    assert left == (wiped if victims in ("runner guard", "guard runner") else []) and len(left) <= 1
    assert not tree.worker.lock_path().exists() and tree.worker.processes() == []


def test_a_new_run_begins_when_the_old_one_is_dead(tree):
    tree.kill("guard runner")
    tree.api.record.update(state="Locked", command=["true"])
    assert len(tree.alive()) > 1
    tree.worker.run_to_end(tree.api)
    assert tree.api.record["state"] == "Complete"
    assert len(tree.alive()) <= 1


@pytest.mark.parametrize("api_is_there", [True, False])
def test_without_its_lock_file_a_runner_ends(tree, api_is_there):
    """Its instance is gone: nobody will ask for it any more. It says so if there is somebody to say it to, and ends in any case."""
    if not api_is_there:
        tree.api.stop()
    shutil.rmtree(tree.worker.locks)
    wait_for(lambda: not tree.worker.processes(), "runner and guard end")
    assert tree.alive() == []
    assert tree.api.record["state"] == ("Cancelled" if api_is_there else "Running")
