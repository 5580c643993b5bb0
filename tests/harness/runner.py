"""A worker with berth-run on it, and a small API in front of it whose answers a test chooses."""

import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest

from .processes import end_runners, processes_with

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

    def processes(self):
        """PIDs of the runner and of its guard."""
        return processes_with("BERTH_LOCK_DIR", self.locks)

    def gone(self):
        return self.list() == ""

    def run_to_end(self, api, *options, timeout=20):
        self.start(api, *options)
        wait_for(self.gone, "the runner ends", timeout)


@pytest.fixture
def worker(tmp_path):
    made = Worker(tmp_path)
    yield made
    end_runners(made.locks)


def make_api(request, **record):
    api = StubApi(**record)
    request.addfinalizer(lambda: api.server and api.stop())
    return api


def assert_is_claim(fields):
    assert set(fields) == {"state", "gateway_address"} and fields["state"] == "Running"
    assert re.fullmatch(r"berth-run-[0-9a-f]{16}:0", fields["gateway_address"])
