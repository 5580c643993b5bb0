"""A berthd for a cluster, and the little of an API server that it needs to start: an empty queue."""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

from .daemon import free_port, wait_for

ROOT_TOKEN = "systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy"
MANAGEMENT_TOKEN = "e687950a23c3a9bceec28c6223a06c79e687"


class EmptyApi:
    """Answers as an API server without containers; keeps what it was asked."""

    def __init__(self):
        self.requests = []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(size)
                api.requests.append((self.command, self.path.split("?")[0], dict(self.headers)))
                if self.path.startswith("/arvados/v1/api_client_authorizations/current"):
                    body = {"uuid": "zzzzz-gj3su-000000000000000", "api_token": ROOT_TOKEN}
                else:
                    body = {"items": [], "items_available": 0}
                data = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def config_text(api_url, listen_url, more="", vms=""):
    return f"""
Clusters:
  zzzzz:
    SystemRootToken: {ROOT_TOKEN}
    ManagementToken: {MANAGEMENT_TOKEN}
    Services:
      Controller: {{ExternalURL: "{api_url}"}}
      DispatchCloud: {{InternalURLs: {{"{listen_url}": {{}}}}}}
    InstanceTypes: {{small: {{VCPUs: 1, RAM: 1GiB, Price: 0.1}}}}
    Containers:
      CloudVMs:
        Driver: loopback
        DeployRunnerBinary: ""
        BootProbeCommand: "true"
{vms}
{more}
"""


class ServiceDaemon:
    """berthd --config; ends with destroy()."""

    def __init__(self, bin_dir, directory, text, *flags, environment=(), prefix=()):
        self.directory = pathlib.Path(directory)
        self.config = self.directory / "config.yml"
        self.config.write_text(text)
        self.log_path = self.directory / "berthd.log"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = self.directory / "notify"
        notify_path.unlink(missing_ok=True)
        self.notify.bind(str(notify_path))
        self.notify.settimeout(30)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*prefix, bin_dir / "berthd", "--config", self.config, *flags], stdin=subprocess.DEVNULL, stderr=log,
                env=dict(os.environ, NOTIFY_SOCKET=str(notify_path), **dict(environment)))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self):
        assert self.notify.recv(100) == b"READY=1", self.log()

    def get(self, url, token=MANAGEMENT_TOKEN, context=None):
        """Status and text."""
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def signal(self, number):
        self.process.send_signal(number)

    def terminate(self):
        self.signal(signal.SIGTERM)
        return self.process.wait(15)

    def wait_for_log(self, words):
        wait_for(lambda: words in self.log(), what=f"{words!r} in the log")

    def destroy(self):
        if self.process.poll() is None:
            self.terminate()
        self.notify.close()
