"""berth-run by itself against a small API: command line, locks, and every way in which a container may end (facts §7)."""

import fcntl
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNNER = pathlib.Path(os.environ.get("BERTH_BIN", ROOT / "build/release/bin")) / "berth-run"
UUID = "zzzzz-dz642-000000000000001"
HOLDER = "zzzzz-gj3su-000000000000000"


def wait_for(condition, what, timeout=20):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {timeout} s")


class StubApi:
    """One container's record and log. `on_put` may answer (status, apply, answer) for an update instead."""

    def __init__(self, **record):
        self.record = {"uuid": UUID, "state": "Locked", "locked_by_uuid": HOLDER, "command": ["true"], "container_image": "", "cwd": ".",
                       "environment": {}, "mounts": {}, "runtime_constraints": {"vcpus": 1, "ram": 1 << 20},
                       "scheduling_parameters": {"max_run_time": 0}, **record}
        self.log = {"stdout": bytearray(), "stderr": bytearray(), "crunch-run": bytearray()}
        self.puts, self.tokens, self.port, self.server = [], set(), 0, None
        self.on_put = lambda fields: None
        self.log_status = 200
        self.body = None
        self.reads = 0
        self.start()

    def start(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.wfile.write(b"HTTP/1.1 %d Answer\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data))

            def handle_any(self):
                if api.server is not self.server:  # stopped: kept-alive connections end as well
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api.tokens.add(self.headers.get("Authorization"))
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                if self.command == "GET" and url.path == f"/arvados/v1/containers/{UUID}":
                    api.reads += 1
                    self.answer(200, api.record if api.body is None else api.body)
                elif self.command == "PUT" and url.path == f"/arvados/v1/containers/{UUID}":
                    self.put(json.loads(dict(urllib.parse.parse_qsl(body.decode()))["container"]))
                elif self.command == "POST" and url.path == f"/berth/v1/containers/{UUID}/log":
                    if api.log_status == 200:
                        assert int(query["offset"]) == len(api.log[query["stream"]])
                        api.log[query["stream"]] += body
                    self.answer(api.log_status, {})
                else:
                    self.answer(404, {"errors": ["no such path"]})

            do_GET = do_PUT = do_POST = handle_any

            def put(self, fields):
                api.puts.append(fields)
                status, apply, answer = api.on_put(fields) or (200, True, True)
                if apply:
                    api.record.update(fields)
                if answer:
                    self.answer(status, api.record if status == 200 else {"errors": ["refused by the test"]})
                else:
                    self.close_connection = True

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        server, self.server = self.server, None
        server.shutdown()
        server.server_close()

    def stop_and_count(self):
        """Stops; whoever calls meanwhile is hung up on, and counted by what is returned."""
        self.stop()
        return Callers(self.port)

    @property
    def final(self):
        return self.record["state"] in ("Complete", "Cancelled")


class Callers:
    """Takes connections and closes them without a word."""

    def __init__(self, port):
        self.count, self.ended = 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", port))
        self.socket.settimeout(0.02)
        self.thread = threading.Thread(target=self.hang_up, daemon=True)
        self.thread.start()

    def hang_up(self):
        while not self.ended.is_set():
            try:
                self.socket.accept()[0].close()
                self.count += 1
            except TimeoutError:
                pass

    def close(self):
        self.ended.set()
        self.thread.join()
        self.socket.close()


class Worker:
    def __init__(self, path):
        self.locks, self.work = path / "lock", path / "work"
        self.locks.mkdir()
        self.environment = {"PATH": os.environ["PATH"], "BERTH_LOCK_DIR": str(self.locks), "BERTH_WORK_DIR": str(self.work), "SECRET": "x"}

    def run(self, *arguments, stdin="", timeout=30):
        return subprocess.run([RUNNER, *arguments], input=stdin, text=True, capture_output=True, timeout=timeout, env=self.environment)

    def config(self, api, **env):
        return json.dumps({"Env": {"BERTH_API_URL": f"http://127.0.0.1:{api.port}", "ARVADOS_API_TOKEN": "thetoken",
                                   "InstanceType": json.dumps({"Price": 3600.0}), **env}, "KeepBuffers": 0, "Cluster": None})

    def start(self, api, *options):
        done = self.run("--detach", "--stdin-config", "--runtime-engine=docker", *options, UUID, stdin=self.config(api))
        assert done.returncode == 0, done.stderr
        pid = json.loads(done.stdout)["PID"]
        assert pid > 1
        return pid

    def list(self):
        done = self.run("--list")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def lock_path(self):
        return self.locks / f"crunch-run-{UUID}.lock"

    def gone(self):
        return self.list() == ""

    def run_to_end(self, api, *options, timeout=20):
        self.start(api, *options)
        wait_for(self.gone, "the runner ends", timeout)


@pytest.fixture
def worker(tmp_path):
    made = Worker(tmp_path)
    yield made
    made.run("--kill", "9", UUID)  # only if it still holds its lock: numbers of processes come round


def make_api(request, **record):
    api = StubApi(**record)
    request.addfinalizer(lambda: api.server and api.stop())
    return api


def assert_is_claim(fields):
    assert set(fields) == {"state", "gateway_address"} and fields["state"] == "Running"
    assert re.fullmatch(r"berth-run-[0-9a-f]{16}:0", fields["gateway_address"])


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
    assert worker.list() == "" and not worker.lock_path().exists(), "a lock that nobody holds is deleted"


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


def test_a_daemon_away_in_mid_run(worker, request, tmp_path):
    """API down while the command runs and ends: log and final state arrive once it is back."""
    go, gone = tmp_path / "go", tmp_path / "gone"
    api = make_api(request, command=["sh", "-c", f"echo one; while [ ! -e {go} ]; do sleep 0.01; done; echo two; touch {gone}; exit 5"])
    worker.start(api)
    wait_for(lambda: api.log["stdout"] == b"one\n", "first line")
    callers = api.stop_and_count()
    go.touch()
    wait_for(gone.exists, "the command ends")
    seen = callers.count
    wait_for(lambda: callers.count >= seen + 2, "it tries again")
    assert worker.list() == UUID + "\n", "it waits"
    callers.close()
    api.start()
    wait_for(worker.gone, "the runner ends")
    assert api.log["stdout"] == b"one\ntwo\n"
    assert (api.record["state"], api.record["exit_code"]) == ("Complete", 5)
    assert [put["state"] for put in api.puts] == ["Running", "Complete"]


def test_a_daemon_away_at_the_start(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    callers = api.stop_and_count()
    worker.start(api)
    wait_for(lambda: callers.count >= 2, "it tries again")
    callers.close()
    api.start()
    wait_for(worker.gone, "the runner ends")
    assert api.record["state"] == "Complete" and api.log["stdout"] == b"ran\n"


@pytest.mark.parametrize("status", [403, 404, 422])
def test_running_is_refused(worker, request, status):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (status, False, True)
    worker.run_to_end(api)
    assert len(api.puts) == 1
    assert_is_claim(api.puts[0])
    assert api.log["stdout"] == b""


@pytest.mark.parametrize("applied, answered", [(True, None), (False, None), (True, 503), (False, 503)])
def test_the_answer_to_running_is_lost(worker, request, applied, answered):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (answered, applied, answered is not None) if len(api.puts) == 1 else None
    worker.run_to_end(api)
    assert api.log["stdout"] == b"ran\n", "exactly once"
    assert api.record["state"] == "Complete"
    assert len(api.puts) == (2 if applied else 3)


@pytest.mark.parametrize("status", [422, 503, None])
def test_another_runner_was_first(worker, request, status):
    """The same lock holder's container, Running by another runner's claim: it is not ours, whatever was answered."""
    api = make_api(request, command=["sh", "-c", "echo ran"])

    def on_put(fields):
        api.record.update(state="Running", gateway_address="berth-run-0123456789abcdef:0")
        return (status, False, status is not None)
    api.on_put = on_put
    worker.run_to_end(api)
    assert api.log["stdout"] == b"" and len(api.puts) == 1
    assert api.record["state"] == "Running"


def test_a_claim_refused_because_it_got_through_before(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (422, True, True) if len(api.puts) == 1 else None
    worker.run_to_end(api)
    assert api.log["stdout"] == b"ran\n" and api.record["state"] == "Complete"


def test_cancelled_while_the_answer_was_lost(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])

    def on_put(fields):
        api.record["state"] = "Cancelled"
        return (503, False, True)
    api.on_put = on_put
    worker.run_to_end(api)
    assert api.log["stdout"] == b"" and len(api.puts) == 1


@pytest.mark.parametrize("applied", [True, False])
def test_the_answer_to_the_final_state_is_lost(worker, request, applied):
    api = make_api(request, command=["sh", "-c", "exit 4"])
    api.on_put = lambda fields: (0, applied, False) if len(api.puts) == 2 else (422, False, True) if len(api.puts) > 2 and applied else None
    worker.run_to_end(api)
    assert (api.record["state"], api.record["exit_code"]) == ("Complete", 4)
    assert len(api.puts) == 3


def test_somebody_else_ended_it(worker, request):
    api = make_api(request, command=["sh", "-c", "echo started; sleep 0.3"])
    worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    api.record["state"] = "Cancelled"
    api.on_put = lambda fields: (422, False, True)
    wait_for(worker.gone, "the runner ends", timeout=5)
    assert api.record["state"] == "Cancelled"


def test_an_api_that_takes_no_logs(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.log_status = 404
    worker.run_to_end(api)
    assert api.record["state"] == "Complete"


def test_much_output(worker, request):
    api = make_api(request, command=["sh", "-c", "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2"])
    worker.run_to_end(api, timeout=60)
    assert (len(api.log["stdout"]), len(api.log["stderr"])) == (20000000, 3000000)
    assert api.record["state"] == "Complete"


def test_the_memory_limit(worker, request):
    eater = ["/usr/bin/python3", "-c", "x = bytearray(600 << 20); print(len(x))"]
    api = make_api(request, command=eater, runtime_constraints={"ram": 64 << 20})
    worker.run_to_end(api)
    assert api.record["exit_code"] == 1 and b"MemoryError" in api.log["stderr"]
    api.record.update(state="Locked")
    worker.run_to_end(api, "--enable-memory-limit=false")
    assert api.record["exit_code"] == 0


def test_no_place_to_work_gives_the_container_back(worker, request):
    worker.work.write_text("a file where the directory should be")
    api = make_api(request)
    worker.run_to_end(api)
    assert api.puts == [{"state": "Queued"}]


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
