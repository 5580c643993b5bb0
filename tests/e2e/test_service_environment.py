"""What the environment and the API section of the configuration ask of a cluster's berthd (facts §1.6, §2.1)."""

import http.client
import json
import os
import ssl
import subprocess
import threading
import time

import pytest
from harness.cluster import CONFIG, MANAGEMENT_TOKEN, Site
from harness.daemon import free_port, wait_for
from harness.fake_controller import FakeController
from harness.service import EmptyApi, ServiceDaemon, config_text
from harness.tls import make_certificate

NOTHING_SET = {"ARVADOS_CONFIG": "", "ARVADOS_API_HOST": "", "ARVADOS_API_TOKEN": "", "ARVADOS_SERVICE_INTERNAL_URL": "",
               "SSL_CERT_FILE": ""}


@pytest.fixture
def api():
    server = EmptyApi()
    yield server
    server.close()


@pytest.fixture
def tls_api(api, tmp_path):
    """An API server whose certificate no one knows; its path."""
    certificate, key = make_certificate(tmp_path, "api")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    api.server.socket = context.wrap_socket(api.server.socket, server_side=True)
    api.url = api.url.replace("http://127.0.0.1", "https://localhost")
    api.certificate = certificate
    return api


@pytest.fixture
def start(bin_dir, tmp_path):
    daemons = []

    def start(text, prefix=(), **variables):
        directory = tmp_path / f"daemon{len(daemons)}"
        directory.mkdir()
        daemons.append(ServiceDaemon(bin_dir, directory, text, "--no-lock", prefix=prefix, environment={**NOTHING_SET, **variables}))
        daemons[-1].wait_ready()
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.destroy()


def text_for(url):
    return config_text(url, f"http://127.0.0.1:{free_port()}")


def test_a_certificate_that_nobody_trusts_is_refused(start, tls_api):
    daemon = start(text_for(tls_api.url))
    daemon.wait_for_log("SSL certificate problem")
    assert not tls_api.requests


def test_a_certificate_that_nobody_trusts_is_taken_where_the_configuration_says_so(start, tls_api):
    start(config_text(tls_api.url, f"http://127.0.0.1:{free_port()}", "    TLS: {Insecure: true}"))
    wait_for(lambda: tls_api.requests, what="a request")


def test_ssl_cert_file_is_trusted(start, tls_api):
    start(text_for(tls_api.url), SSL_CERT_FILE=str(tls_api.certificate))
    wait_for(lambda: tls_api.requests, what="a request")


@pytest.mark.parametrize("variable_set", [False, True])
def test_the_sites_bundle_is_trusted_unless_the_variable_names_another(start, tls_api, tmp_path, variable_set):
    if os.geteuid() != 0:
        pytest.skip("needs a mount namespace of its own: run as root, as CI does")
    etc = tmp_path / "etc"
    (etc / "arvados").mkdir(parents=True)
    (etc / "arvados/ca-certificates.crt").write_bytes(tls_api.certificate.read_bytes())
    other, _ = make_certificate(tmp_path, "other")
    script = 'mount -t overlay overlay -o "lowerdir=$1:/etc" /etc && shift && exec "$@"'
    if subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", etc, "true"], capture_output=True).returncode != 0:
        # No overlay here: a bare /etc with what a program needs.
        script = ('cp -a /etc/hosts /etc/resolv.conf /etc/nsswitch.conf /etc/passwd /etc/group /etc/ssl "$1" 2>/dev/null; '
                  'mount --bind "$1" /etc && shift && exec "$@"')
    daemon = start(text_for(tls_api.url), prefix=("unshare", "--mount", "sh", "-c", script, "sh", etc),
                   **({"SSL_CERT_FILE": str(other)} if variable_set else {}))
    if variable_set:
        daemon.wait_for_log("SSL certificate problem")
        assert not tls_api.requests
    else:
        wait_for(lambda: tls_api.requests, what="a request")


def test_another_address_is_dialled_for_the_controllers_name(start, api):
    port = api.server.server_address[1]
    start(text_for(f"http://controller.invalid:{port}/"), ARVADOS_SERVER_ADDRESS="127.0.0.1")
    wait_for(lambda: api.requests, what="a request")
    assert api.requests[0][2]["Host"] == f"controller.invalid:{port}", "the name stays in the request"


class CrowdedController(FakeController):
    """Takes its time for locks (which no runner asks for); knows how many it was asked for at once."""

    def __init__(self):
        super().__init__("127.0.0.1")
        self.now = self.most = 0
        self.count = threading.Lock()

    def handle(self, method, path, form):
        if not path.endswith("/lock"):
            return super().handle(method, path, form)
        with self.count:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.2)
        answer = super().handle(method, path, form)
        with self.count:
            self.now -= 1
        return answer


@pytest.mark.parametrize("setting, most", [("", 8), ("    API: {MaxConcurrentRequests: 8}\n", 2),
                                           ("    API: {MaxConcurrentRequests: 3}\n", 1)])
def test_calls_at_a_time_are_a_quarter_of_the_controllers_limit(bin_dir, tmp_path, setting, most):
    controller = CrowdedController()
    site = Site(bin_dir, tmp_path, controller, {})
    site.config = CONFIG.replace("    Containers:\n", setting + "    Containers:\n")
    try:
        controller.add(8)
        site.daemon(flags=("--no-lock",)).start()
        wait_for(lambda: "Queued" not in controller.states(), 30, what="all are locked")
        # More than the bound would be a fault; fewer than three without it would show nothing.
        assert controller.most <= most if setting else controller.most >= 3, controller.most
    finally:
        site.destroy()
        controller.stop()


def test_a_request_that_waits_longer_than_the_limit_is_answered_and_told(bin_dir, tmp_path):
    controller = FakeController("127.0.0.1")
    site = Site(bin_dir, tmp_path, controller, {}, seconds=30)
    site.config = CONFIG.replace("    Containers:\n", "    API: {RequestTimeout: 2s}\n    Containers:\n")
    try:
        daemon = site.daemon(flags=("--no-lock",)).start()
        wait_for(daemon.active, 15, what="active")
        [uuid] = controller.add(1)
        wait_for(lambda: controller.states() == ["Running"], 20, what="it runs")
        stuck = threading.Event()
        plain = controller.handle

        def handle(method, path, form):
            if method == "PUT" and "runtime_status" in json.dumps(form):
                stuck.wait(20)
            return plain(method, path, form)

        controller.handle = handle
        client = http.client.HTTPConnection(daemon.address, timeout=15)
        began = time.monotonic()
        client.request("POST", f"/arvados/v1/dispatch/containers/kill?container_uuid={uuid}&reason=why",
                       headers={"Authorization": f"Bearer {MANAGEMENT_TOKEN}", "X-Request-Id": "req-late"})
        answer = client.getresponse()
        assert answer.status == 503 and time.monotonic() - began >= 1.9
        assert answer.headers["X-Request-Id"] == "req-late"
        stuck.set()
        told = [json.loads(line) for line in daemon.log().splitlines() if '"RequestID":"req-late"' in line]
        assert [line["respStatusCode"] for line in told if line["msg"] == "response"] == [503]
        assert 'request_duration_seconds_count{code="503",method="post"} 1' in daemon.get("/metrics")[1]
    finally:
        site.destroy()
        controller.stop()


def test_what_the_http_server_refuses_is_told_like_the_rest(start, api):
    url = f"http://127.0.0.1:{free_port()}"
    daemon = start(config_text(api.url, url))
    host, port = url.removeprefix("http://").split(":")
    client = http.client.HTTPConnection(host, int(port), timeout=15)
    client.request("GET", "/", headers={"X-Long": "x" * 100_000})
    answer = client.getresponse()
    assert answer.status == 431 and answer.headers["X-Request-Id"].startswith("req-")
    lines = [json.loads(line) for line in daemon.log().splitlines() if answer.headers["X-Request-Id"] in line]
    assert [line["msg"] for line in lines] == ["request", "response"]
    assert lines[1]["respStatusCode"] == 431 and lines[1]["remoteAddr"].startswith("127.0.0.1:")
    assert 'request_duration_seconds_count{code="431",method="other"} 1' in daemon.get(url + "/metrics")[1]


def test_a_head_request_for_the_containers_is_told_in_two_lines(start, api):
    url = f"http://127.0.0.1:{free_port()}"
    daemon = start(config_text(api.url, url))
    wait_for(lambda: '"items":[]' in daemon.get(url + "/arvados/v1/dispatch/containers")[1], what="a list that is streamed")
    client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=15)
    client.request("HEAD", "/arvados/v1/dispatch/containers", headers={"Authorization": f"Bearer {MANAGEMENT_TOKEN}", "X-Request-Id": "req-head"})
    assert client.getresponse().status == 200
    daemon.wait_for_log('"RequestID":"req-head"')
    wait_for(lambda: [json.loads(line)["msg"] for line in daemon.log().splitlines() if "req-head" in line] == ["request", "response"],
             what="both lines")
