"""berth-run by itself: what its command gets, every way in which it may end, command line and locks (facts §7)."""

import fcntl
import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest
from harness.runner import assert_is_claim, make_api, RUNNER, UUID, wait_for, worker


def test_a_container_from_start_to_end(worker, request):
    api = make_api(request, command=["sh", "-c", "echo out; echo err >&2; exit 3"])
    done = worker.run("--detach", "--stdin-config", UUID, stdin=worker.config(api))
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"UUID": UUID, "PID": json.loads(done.stdout)["PID"]} and done.stdout.endswith("\n")
    wait_for(worker.gone, "the runner ends")
    assert_is_claim(api.puts[0])
    assert api.puts[1].pop("cost") > 0
    assert api.puts[1:] == [{"state": "Complete", "exit_code": 3}]
    assert api.log == {"stdout": b"out\n", "stderr": b"err\n", "crunch-run": b""}
    assert api.tokens == {"Bearer thetoken"}
    assert [p.name for p in worker.locks.iterdir()] == ["crunch-run-all.lock"], "nothing else is left"
    assert list(worker.work.iterdir()) == []


@pytest.mark.parametrize("command, code", [(["true"], 0), (["false"], 1), (["sh", "-c", "kill -9 $$"], 137), (["sh", "-c", "kill -TERM $$"], 143)])
def test_exit_codes(worker, request, command, code):
    api = make_api(request, command=command)
    worker.run_to_end(api)
    assert (api.record["state"], api.record["exit_code"]) == ("Complete", code)


def test_surroundings_of_the_command(worker, request, tmp_path):
    api = make_api(request, command=["sh", "-c", "env | sort; ls /proc/self/fd | tr '\\n' ' '; echo; cat; ulimit -d; ps -o pid=,sid=,pgid= $$"],
                   environment={"GREETING": "a b", "HOME": "/home/x"}, runtime_constraints={"ram": 1 << 30})
    worker.run_to_end(api)
    lines = api.log["stdout"].decode().splitlines()
    names = {line.split("=")[0] for line in lines if "=" in line}
    assert "GREETING=a b" in lines and "HOME=/home/x" in lines
    assert not names & {"SECRET", "ARVADOS_API_TOKEN", "BERTH_API_URL", "BERTH_LOCK_DIR"}
    assert "0 1 2 3 " in api.log["stdout"].decode(), "only its own descriptors (3 is of ls)"
    assert str(((1 << 30) + (256 << 20)) // 1024) in lines
    pid, sid, pgid = lines[-1].split()
    assert pid == sid == pgid


@pytest.mark.parametrize("cwd", [".", "", "/usr"])
def test_cwd(worker, request, cwd):
    api = make_api(request, command=["pwd"], cwd=cwd)
    worker.run_to_end(api)
    expected = cwd if cwd.startswith("/") else str(worker.work / UUID / "work")
    assert api.log["stdout"].decode().rstrip("/\n") == expected


@pytest.mark.parametrize("record, words", [
    ({"container_image": "0123456789abcdef0123456789abcdef+342"}, "container engine"),
    ({"command": []}, "command is empty"),
    ({"command": None}, "command is empty"),
    ({"command": ["true", "a\0b"]}, "NUL"),
    ({"command": "true"}, "malformed: command"),
    ({"environment": {"A=B": "c"}}, "environment"),
    ({"environment": {"A": 1}}, "malformed: environment.A"),
    ({"mounts": {"/in": {"kind": "collection"}}}, "/in is of kind"),
    ({"mounts": [1]}, "malformed: mounts"),
    ({"runtime_constraints": {"ram": 1e300}}, "malformed: runtime_constraints.ram"),
    ({"scheduling_parameters": {"max_run_time": "soon"}}, "malformed: scheduling_parameters.max_run_time"),
])
def test_records_that_cannot_run(worker, request, record, words):
    api = make_api(request, **record)
    worker.run_to_end(api)
    assert [put["state"] for put in api.puts] == ["Cancelled"], "never Running"
    assert words in api.record["runtime_status"]["error"]
    assert api.record["runtime_status"]["permanent"] is True


@pytest.mark.parametrize("record, words", [
    ({"command": ["no-such-program"]}, "cannot run no-such-program"),
    ({"command": ["/etc/passwd"]}, "Permission denied"),
    ({"cwd": "/no/such"}, "/no/such"),
])
def test_commands_that_cannot_start(worker, request, record, words):
    api = make_api(request, **record)
    worker.run_to_end(api)
    assert api.record["state"] == "Cancelled"
    assert words in api.record["runtime_status"]["error"]
    assert words.encode() in api.log["crunch-run"]
    assert api.record["runtime_status"]["permanent"] is True, "another attempt would end likewise"


@pytest.mark.parametrize("state", ["Queued", "Running", "Complete", "Cancelled"])
def test_only_a_locked_container_is_run(worker, request, state):
    api = make_api(request, state=state)
    worker.run_to_end(api)
    assert api.puts == []


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"{\"uuid\":", b"[]", b"nul"])
def test_answers_that_are_no_record(worker, request, body):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.body = body
    worker.start(api)
    if body == b"[]":
        wait_for(lambda: api.final, "Cancelled")
        return
    wait_for(lambda: api.reads >= 3, "it asks again")
    assert api.puts == []
    api.body = None
    wait_for(worker.gone, "the runner ends")
    assert api.record["state"] == "Complete"


def test_kill_ends_the_container_as_cancelled(worker, request):
    api = make_api(request, command=["sh", "-c", "trap 'echo got TERM; exit 0' TERM; echo started; while :; do sleep 0.05; done"])
    worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    assert worker.list() == UUID + "\n"
    assert worker.run("--kill", "15", UUID).returncode == 0
    assert api.record["state"] == "Cancelled"
    assert "SIGTERM" in api.record["runtime_status"]["error"]
    assert b"got TERM" in api.log["stdout"]
    assert worker.gone()
    assert worker.run("--kill", "15", UUID).returncode == 0, "no lock file is success"


def test_a_reason_given_before_the_kill_is_kept(worker, request):
    api = make_api(request, command=["sh", "-c", "echo started; sleep 1000"])
    worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    api.record["runtime_status"] = {"error": "killed by the operator: too hot"}
    assert worker.run("--kill", "15", UUID).returncode == 0
    assert "SIGTERM: killed by the operator: too hot" in api.record["runtime_status"]["error"]


def test_output_beyond_a_full_disk(worker, request, tmp_path):
    """What did not fit is counted in the log, in the record and among the runner's complaints."""
    done = tmp_path / "done"
    api = make_api(request, command=["sh", "-c", f"head -c 1000000 /dev/zero | tr '\\0' x; touch {done}"])
    api.log_status = 503  # so that all of it has to wait on the disk
    worker.work.mkdir()
    mounted = f"mount -t tmpfs -o size=256k none {worker.work} && exec {RUNNER} --detach --stdin-config {UUID}"
    subprocess.run(["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c", mounted], input=worker.config(api),
                   text=True, check=True, capture_output=True, env=worker.environment, timeout=30)
    wait_for(done.exists, "the command ends")
    complaints = next(p for p in worker.locks.iterdir() if p.suffix == ".log")
    wait_for(lambda: "bytes of output were lost" in complaints.read_text(), "the runner complains")
    api.log_status = 200
    wait_for(lambda: api.final, "the container ends")
    lost = 1000000 - len(api.log["stdout"])
    assert 700000 < lost < 1000000
    words = f"{lost} bytes of output were lost: no room on the worker's disk"
    assert api.record["runtime_status"] == {"warning": words}
    assert words in api.log["crunch-run"].decode()


def test_a_command_that_ignores_term_is_killed(worker, request):
    api = make_api(request, command=["sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.05; done"])
    worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    done = worker.run("--kill", "15", UUID)
    assert done.returncode == 1 and "still alive" in done.stderr
    wait_for(worker.gone, "the runner ends")
    assert api.record["state"] == "Cancelled"
    assert api.record["exit_code"] == 137


def test_max_run_time(worker, request):
    api = make_api(request, command=["sleep", "1000"], scheduling_parameters={"max_run_time": 1})
    worker.run_to_end(api)
    assert api.record["state"] == "Cancelled"
    assert "max_run_time" in api.record["runtime_status"]["error"]


def test_signals_that_do_not_stop_it(worker, request):
    api = make_api(request, command=["sh", "-c", "echo started; sleep 0.5; echo done"])
    pid = worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
        os.kill(pid, number)
    wait_for(worker.gone, "the runner ends")
    assert api.record["state"] == "Complete" and b"done" in api.log["stdout"]


def test_nothing_that_the_command_started_lives_on(worker, request):
    api = make_api(request, command=["sh", "-c", "sleep 1000 & echo $!; setsid sleep 1000 & echo $!"])
    worker.run_to_end(api)
    assert api.record["state"] == "Complete"
    for pid in api.log["stdout"].split():
        assert not pathlib.Path(f"/proc/{int(pid)}").exists()


def test_the_command_dies_with_its_runner(worker, request):
    api = make_api(request, command=["sh", "-c", "echo $$; exec sleep 1000"])
    pid = worker.start(api)
    command = int(wait_for(lambda: api.log["stdout"], "started"))
    os.kill(pid, signal.SIGKILL)

    def dead():
        try:
            return pathlib.Path(f"/proc/{command}/stat").read_text().rsplit(")")[1].split()[0] == "Z"
        except FileNotFoundError:
            return True
    wait_for(dead, "the command is dead")
    wait_for(worker.gone, "the guard ends")
    assert not worker.lock_path().exists(), "a lock that nobody holds is deleted"


def test_one_runner_per_container(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran; sleep 1000"])
    worker.start(api)
    wait_for(lambda: b"ran" in api.log["stdout"], "ran")
    for flags in (("--detach",), ()):
        second = worker.run(*flags, "--stdin-config", UUID, stdin=worker.config(api))
        assert second.returncode == 1 and second.stdout == "" and "locked by another process" in second.stderr
    assert worker.list() == UUID + "\n"
    worker.run("--kill", "15", UUID)
    assert api.log["stdout"] == b"ran\n"


def test_in_the_foreground(worker, request):
    api = make_api(request, command=["sh", "-c", "echo out"])
    done = worker.run("--stdin-config", UUID, stdin=worker.config(api))
    assert done.returncode == 0, done.stderr
    assert api.record["state"] == "Complete" and api.log["stdout"] == b"out\n"


@pytest.mark.parametrize("env, words", [
    ({"BERTH_API_URL": "https://127.0.0.1:1"}, "https is not supported"),
    ({"BERTH_API_URL": "http://example.org"}, "numeric"),
    ({"BERTH_API_URL": "http://127.0.0.1:99999"}, "bad port"),
    ({"BERTH_API_URL": "", "ARVADOS_API_HOST": ""}, "neither"),
])
def test_addresses_it_cannot_use(worker, request, env, words):
    api = make_api(request)
    done = worker.run("--stdin-config", UUID, stdin=worker.config(api, **env))
    assert done.returncode == 1 and words in done.stderr and "thetoken" not in done.stderr


def test_arvados_api_host_serves_as_well(worker, request):
    api = make_api(request)
    done = worker.run("--stdin-config", UUID, stdin=worker.config(api, BERTH_API_URL="", ARVADOS_API_HOST=f"127.0.0.1:{api.port}"))
    assert done.returncode == 0 and api.record["state"] == "Complete"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"Env": []}', '{"Env": {"A": 1}}'])
def test_bad_configuration(worker, text):
    done = worker.run("--stdin-config", UUID, stdin=text)
    assert done.returncode == 1 and done.stderr
    assert worker.run("--detach", "--stdin-config", UUID, stdin=text).returncode == 0, "as the reference: known only later"
    wait_for(worker.gone, "the runner ends")
    if not pathlib.Path("/run/systemd/journal/stdout").exists():
        assert "berth-run: " in (worker.locks / f"crunch-run-{UUID}.log").read_text()


@pytest.mark.parametrize("arguments, code", [
    ((), 2), (("--nonsense", UUID), 2), (("--detach",), 2), (("--detach", UUID, UUID), 2), (("not-a-uuid",), 2), (("../" + UUID,), 2),
    (("--kill", "x", UUID), 2), (("--kill", "15"), 2), (("--kill",), 2), (("--version",), 0), (("-version",), 0), (("--help",), 0),
    (("--list",), 0), (("--list=true",), 0),
])
def test_command_lines(worker, arguments, code):
    done = worker.run(*arguments)
    assert done.returncode == code
    assert bool(done.stderr) == (code == 2)


def hold(path, content):
    """Writes a lock file and holds its lock."""
    file = open(path, "w+")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(content)
    file.flush()
    return file


def test_lists_of_locks(worker):
    def lock(n):
        return worker.locks / f"crunch-run-zzzzz-dz642-00000000000000{n}.lock"
    sleeper = subprocess.Popen(["sh", "-c", "trap '' USR2; echo; exec sleep 1000"], stdout=subprocess.PIPE)
    sleeper.stdout.readline()
    no_process = (1 << 22) - 1
    try:
        names = {n: f"zzzzz-dz642-00000000000000{n}" for n in range(1, 10)}
        held = [
            hold(lock(1), json.dumps({"UUID": names[1], "PID": sleeper.pid})),
            hold(lock(2), json.dumps({"UUID": names[2], "PID": no_process})),
            hold(lock(3), ""),
            hold(lock(4), "garbage"),
            hold(lock(5), json.dumps({"UUID": "two\nlines", "PID": sleeper.pid})),
            hold(lock(6), json.dumps({"UUID": names[6], "PID": -1})),
            hold(lock(7), json.dumps({"UUID": names[7], "PID": 0})),
        ]
        lock(8).write_text(json.dumps({"UUID": names[8], "PID": sleeper.pid}))  # nobody holds it
        lock(9).write_text("")
        (worker.locks / "other.lock").write_text("x")
        done = worker.run("--list")
        assert done.returncode == 0
        assert sorted(done.stdout.splitlines()) == [names[1], names[2] + " stale"]
        assert not lock(8).exists() and lock(9).exists() and (worker.locks / "other.lock").exists()
        assert all(str(lock(n)) in done.stderr for n in (4, 5, 6, 7))
        for n, code in ((2, 0), (4, 1), (5, 1), (6, 1), (9, 0)):
            assert worker.run("--kill", "15", names[n]).returncode == code, n
        (worker.locks / "crunch-run-broken").write_text("")
        assert "broken" in worker.list().splitlines()
        assert worker.run("--kill", "9", names[1]).returncode == 0
        assert sleeper.wait() == -9
        assert len(held) == 7
    finally:
        sleeper.kill()


def test_list_stores_prices(worker):
    prices = '[{"StartTime":"2030-01-01T00:00:00Z","Price":0.1}]'
    assert worker.run("--list", "--stdin-prices", stdin=prices).returncode == 0
    assert (worker.locks / "crunch-run-prices.json").read_text() == prices
    assert worker.run("--list", "--stdin-prices", stdin="").returncode == 0
    assert (worker.locks / "crunch-run-prices.json").read_text() == prices, "nothing replaces nothing"
    assert sorted(p.name for p in worker.locks.iterdir()) == ["crunch-run-all.lock", "crunch-run-prices.json"]


def test_list_without_a_lock_directory(worker):
    worker.environment["BERTH_LOCK_DIR"] = str(worker.locks / "missing")
    assert worker.run("--list").returncode == 1
    assert worker.run("--kill", "15", UUID).returncode == 0
    assert worker.run("--detach", "--stdin-config", UUID, stdin="{}").returncode == 1


def test_lists_never_harm_a_starting_runner(worker, request):
    """--list sends USR2 to whoever a lock file names: also to a runner that has not run an instruction yet."""
    api = make_api(request)
    stop = threading.Event()

    def list_forever():
        while not stop.is_set():
            worker.list()
    threads = [threading.Thread(target=list_forever) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            api.record.update(state="Locked", exit_code=None)
            worker.start(api)
            wait_for(lambda: api.record["state"] == "Complete", "complete")
            wait_for(lambda: not worker.lock_path().exists(), "gone")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
