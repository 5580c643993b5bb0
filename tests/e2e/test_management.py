"""Management API, health and metrics as their clients see them (facts §9, §10), byte for byte where one parses them."""

import http.client
import json
import pathlib
import re
import socket
import subprocess

import pytest
from harness.cluster import CONFIG, MANAGEMENT_TOKEN, Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEARER = {"Authorization": f"Bearer {MANAGEMENT_TOKEN}"}
API = "/arvados/v1/dispatch"


@pytest.fixture(scope="module")
def site(bin_dir, tmp_path_factory):
    controller = FakeController()
    site = Site(bin_dir, tmp_path_factory.mktemp("site"), controller, {}, seconds=30)
    yield site
    site.destroy()
    controller.stop()


@pytest.fixture(scope="module")
def daemon(site):
    daemon = site.daemon(flags=("--no-lock",)).start()
    wait_for(daemon.active, 15, what="active")
    return daemon


class LimitedSite(Site):
    config = CONFIG.replace("    Containers:\n", "    API: {MaxConcurrentRequests: 2, MaxQueuedRequests: 0}\n    Containers:\n")


@pytest.fixture(scope="module")
def limited(bin_dir, tmp_path_factory):
    """A daemon that answers two requests at a time and lets none wait. Its list of containers is larger than sockets hold."""
    controller = FakeController()
    site = LimitedSite(bin_dir, tmp_path_factory.mktemp("limited"), controller, {}, seconds=30)
    daemon = site.daemon(flags=("--no-lock",)).start()
    controller.add(1000)
    wait_for(lambda: daemon.active() and len(json.loads(daemon.get(API + "/containers")[1])["items"] or []) == 1000, 30, what="containers")
    yield daemon
    site.destroy()
    controller.stop()


class DeafClient:
    """Asks for the containers and reads no more of the answer than its status."""

    def __init__(self, daemon, request_id):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # so that the daemon's side buffers little too
        self.socket.settimeout(10)
        host, port = daemon.address.split(":")
        self.socket.connect((host, int(port)))
        self.socket.sendall((f"GET {API}/containers HTTP/1.1\r\nHost: {daemon.address}\r\nAuthorization: Bearer {MANAGEMENT_TOKEN}\r\n"
                             f"X-Request-Id: {request_id}\r\n\r\n").encode())
        self.status = int(self.socket.recv(len("HTTP/1.1 200")).split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def in_flight(daemon):
    return json.loads(ask(daemon, "GET", "/_inspect/requests")[2])


def concurrent_requests(daemon):
    return int(re.search(r'^arvados_concurrent_requests\{queue="api"\} (\d+)$', daemon.get("/metrics")[1], re.M)[1])


def ask(daemon, method, path, headers=BEARER, body=None):
    connection = http.client.HTTPConnection(daemon.address, timeout=10)
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def series(text):
    """Each name with type and label sets, without values."""
    found = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            found.add(line)
        elif not line.startswith("#"):
            found.add(re.sub(r'(sha256|version)="[^"]*"', r'\1="…"', line.rsplit(" ", 1)[0]))
    return found


def test_metrics_are_those_of_the_reference_and_berths_own(daemon):
    wait_for(lambda: "arvados_dispatchcloud_probe_age_seconds_max" in daemon.get("/metrics")[1], 15, what="all metrics")
    ours = series(daemon.get("/metrics")[1].replace('instance_type="small"', 'instance_type="localhost"'))
    wanted = {line for line in (ROOT / "tests/data/metrics.txt").read_text().splitlines() if line and "arvados_version_running" not in line}
    assert wanted - ours == set()
    service = re.compile(r"(# TYPE )?(berth_|request_duration_seconds|time_to_status_seconds|arvados_(max_)?(concurrent|queued)_requests|arvados_queue_)")
    assert {line for line in ours - wanted if not service.match(line)} == set()
    assert not any("version_running" in line for line in ours)


def test_promtool_finds_only_what_the_names_force(daemon):
    result = subprocess.run(["promtool", "check", "metrics"], input=daemon.get("/metrics")[1], capture_output=True, text=True)
    allowed = set((ROOT / "tests/promtool-allow.txt").read_text().splitlines())
    found = set((result.stdout + result.stderr).splitlines())
    assert found <= allowed, found - allowed


def test_metrics_json_has_the_same_families(daemon):
    status, headers, body = ask(daemon, "GET", "/metrics.json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    families = {family["name"]: family for family in json.loads(body)}
    names = {line.split()[2] for line in daemon.get("/metrics")[1].splitlines() if line.startswith("# TYPE ")}
    assert set(families) == names
    gauge = families["arvados_dispatchcloud_instances_price"]
    assert gauge["type"] == "GAUGE"
    assert {"name": "category", "value": "booting"} in [label for metric in gauge["metric"] for label in metric["label"]]
    summary = families["arvados_dispatchcloud_containers_time_from_queue_to_crunch_run_seconds"]["metric"][0]["summary"]
    assert isinstance(summary["sampleCount"], str) and len(summary["quantile"]) == 4


def test_what_the_cluster_health_checker_reads(daemon):
    status, headers, body = ask(daemon, "GET", "/_health/ping")
    assert (status, headers["Content-Type"], body) == (200, "application/json", '{"health":"OK"}\n')
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", headers["Date"])
    assert re.search(r'^arvados_config_source_timestamp_seconds\{sha256="[0-9a-f]{64}"\} [0-9.e+]+$', daemon.get("/metrics")[1], re.M)


@pytest.mark.parametrize("path, headers, status, text", [
    ("/_health/ping", {}, 401, "authorization required\n"),
    ("/_health/ping", {"Authorization": "Bearer x"}, 403, "authorization error\n"),
    ("/_health/ping?api_token=" + MANAGEMENT_TOKEN, {}, 401, "authorization required\n"),
    ("/metrics", {}, 401, "Unauthorized\n"),
    ("/metrics", {"Authorization": "Bearer x"}, 403, "Forbidden\n"),
    (API + "/containers", {}, 401, "Unauthorized\n"),
    (API + "/containers", {"Authorization": "OAuth2 x"}, 403, "Forbidden\n"),
    ("/nothing", BEARER, 404, "404 page not found\n"),
])
def test_refusals_are_plain_text(daemon, path, headers, status, text):
    got, got_headers, body = ask(daemon, "GET", path, headers)
    assert (got, body) == (status, text)
    assert got_headers["Content-Type"] == "text/plain; charset=utf-8" and got_headers["X-Content-Type-Options"] == "nosniff"
    if not path.startswith("/metrics"):
        assert got_headers["X-Request-Id"].startswith("req-")


@pytest.mark.parametrize("method, path, status, error", [
    ("GET", "/container?container_uuid=zzzzz-dz642-000000000000000", 404, "container not found"),
    ("GET", "/container", 404, "container not found"),
    ("POST", "/containers/kill", 400, "container_uuid parameter not provided"),
    ("POST", "/instances/hold", 400, "instance_id parameter not provided"),
    ("POST", "/instances/drain?instance_id=none", 404, None),
    ("POST", "/instances/kill?instance_id=none&reason=test", 404, None),
    ("GET", "/containers?limit=x", 400, "limit: want a whole number from 0 up"),
    ("GET", "/containers?order=colour", 400, "order: want uuid, created_at, priority or state, then perhaps asc or desc"),
])
def test_errors_of_the_routes_are_json(daemon, method, path, status, error):
    got, headers, body = ask(daemon, method, API + path)
    assert got == status and headers["Content-Type"] == "application/json" and headers["X-Content-Type-Options"] == "nosniff"
    document = json.loads(body)
    assert list(document) == ["errors"] and len(document["errors"]) == 1 and body.endswith("\n")
    if error:
        assert document["errors"] == [error]


def test_methods_and_redirects(daemon):
    status, headers, _ = ask(daemon, "POST", API + "/instances")
    assert status == 405 and "GET" in headers["Allow"]
    assert ask(daemon, "OPTIONS", API + "/instances")[0] == 200
    # The stock instance list asks with two slashes and follows.
    status, headers, _ = ask(daemon, "GET", "/" + API + "/instances?a=b")
    assert (status, headers["Location"]) == (301, API + "/instances?a=b")
    assert ask(daemon, "POST", "/" + API + "/instances/hold")[0] in (307, 308)
    assert ask(daemon, "GET", "/", {})[0] == 200
    status, headers, body = ask(daemon, "GET", "/openapi.yaml", {})
    assert status == 200 and body.startswith("openapi: 3.")


def test_request_ids_are_echoed(daemon):
    assert ask(daemon, "GET", API + "/instances", dict(BEARER, **{"X-Request-Id": "req-mine"}))[1]["X-Request-Id"] == "req-mine"


def test_containers_and_instances(daemon, site):
    uuids = site.controller.add(12)
    wait_for(lambda: json.loads(daemon.get(API + "/instances")[1])["items"], 15, what="instances")
    wait_for(lambda: len(json.loads(daemon.get(API + "/containers")[1])["items"] or []) == 12, 15, what="containers")
    status, headers, body = ask(daemon, "GET", API + "/containers")
    assert headers["Content-Type"] == "text/plain; charset=utf-8" and body.endswith("]}\n") and body.startswith('{"items":[{"container":{"uuid":"')
    items = json.loads(body)["items"]
    assert set(item["container"]["uuid"] for item in items) == set(uuids)
    for item in items:
        assert set(item) == {"container", "instance_resources", "instance_types", "first_seen_at", "scheduling_status", "reason"}
        assert item["container"]["started_at"] is None and item["container"]["modified_at"] == "0001-01-01T00:00:00Z"
        assert [set(kind) for kind in item["instance_types"]] == [
            {"ProviderType", "VCPUs", "RAM", "IncludedScratch", "AddedScratch", "Price", "Preemptible", "GPU"}]
    page = json.loads(ask(daemon, "GET", API + "/containers?limit=5&offset=10&order=uuid+desc")[2])
    assert [item["container"]["uuid"] for item in page["items"]] == sorted(uuids, reverse=True)[10:]
    assert (page["items_available"], page["offset"], page["limit"]) == (12, 10, 5)
    one = json.loads(ask(daemon, "GET", API + "/container?container_uuid=" + uuids[0])[2])
    assert one["container"]["uuid"] == uuids[0] and "scheduling_status" in one

    wait_for(lambda: any(i["running_container_uuids"] for i in json.loads(daemon.get(API + "/instances")[1])["items"]), 20, what="running")
    instances = json.loads(ask(daemon, "GET", API + "/instances")[2])["items"]
    assert [i["instance"] for i in instances] == sorted(i["instance"] for i in instances)
    for instance in instances:
        assert set(instance) == {"instance", "address", "price", "arvados_instance_type", "provider_instance_type", "last_container_uuid",
                                 "last_busy", "running_container_uuids", "worker_state", "idle_behavior"}
    target = next(i["instance"] for i in instances if i["instance"])
    for verb in ("hold", "drain", "run"):
        # Parameters in a form body, as clients send them.
        status, _, body = ask(daemon, "POST", f"{API}/instances/{verb}", dict(BEARER, **{"Content-Type": "application/x-www-form-urlencoded"}),
                              "instance_id=" + target)
        assert (status, body) == (200, "")
        wait_for(lambda: {i["instance"]: i["idle_behavior"] for i in json.loads(daemon.get(API + "/instances")[1])["items"]}.get(target) == verb,
                 10, what=verb)
    # What is to go cannot be held back any more.
    assert ask(daemon, "POST", f"{API}/instances/kill?instance_id={target}")[0] == 200
    status, headers, body = ask(daemon, "POST", f"{API}/instances/hold?instance_id={target}")
    assert (status, headers["Content-Type"], json.loads(body)) == (409, "application/json", {"errors": ["the instance is being shut down"]})


def test_the_list_of_containers_is_streamed_and_the_connection_stays(limited):
    connection = http.client.HTTPConnection(limited.address, timeout=10)
    try:
        for _ in range(2):
            connection.request("GET", API + "/containers", headers=BEARER)
            kept = connection.sock
            answer = connection.getresponse()
            assert answer.headers["Transfer-Encoding"] == "chunked" and answer.headers["Content-Length"] is None
            assert answer.headers["Connection"] is None
            assert len(json.loads(answer.read())["items"]) == 1000
            assert connection.sock is kept is not None
    finally:
        connection.close()


def test_a_request_counts_until_its_body_is_sent_or_its_client_is_gone(limited):
    wait_for(lambda: concurrent_requests(limited) == 0, 10, what="no requests")
    with DeafClient(limited, "req-deaf1") as first:
        with DeafClient(limited, "req-deaf2") as second:
            assert (first.status, second.status) == (200, 200)
            assert concurrent_requests(limited) == 2
            for method, path in (("GET", "/containers"), ("GET", "/instances"), ("POST", "/instances/hold?instance_id=none")):
                status, headers, body = ask(limited, method, API + path)
                assert (status, headers["Content-Length"], body) == (503, "0", ""), path
            # Who watches over the daemon is answered all the same.
            assert ask(limited, "GET", "/_health/ping")[0] == 200
            requests = {request["RequestID"]: request for request in in_flight(limited)}
            assert {"req-deaf1", "req-deaf2"} <= set(requests)
        wait_for(lambda: concurrent_requests(limited) == 1, 10, what="the slot of a client that is gone")
        assert ask(limited, "GET", API + "/instances")[0] == 200
        end = b""
        while end != b"0\r\n\r\n":
            piece = first.socket.recv(65536)
            assert piece, "the body breaks off"
            end = (end + piece)[-5:]
        wait_for(lambda: concurrent_requests(limited) == 0, 10, what="the slot of a client that was told all")
    wait_for(lambda: not [request for request in in_flight(limited) if request["RequestID"].startswith("req-deaf")], 10, what="none in flight")


def test_requests_in_flight(limited):
    with DeafClient(limited, "req-older"), DeafClient(limited, "req-younger"):
        status, headers, body = ask(limited, "GET", "/_inspect/requests")
        assert (status, headers["Content-Type"]) == (200, "application/json") and body.endswith("]\n")
        requests = [request for request in json.loads(body) if request["RequestID"] in ("req-older", "req-younger")]
        assert [request["RequestID"] for request in requests] == ["req-younger", "req-older"], "sorted by age"
        for request in requests:
            assert set(request) == {"RequestID", "Method", "Host", "URL", "RemoteAddr", "XForwardedFor", "Elapsed"}
            assert (request["Method"], request["Host"], request["URL"]) == ("GET", limited.address, API + "/containers")
            assert request["RemoteAddr"].startswith("127.0.0.1:") and request["Elapsed"] > 0
    wait_for(lambda: concurrent_requests(limited) == 0, 10, what="both gone")


@pytest.mark.parametrize("query, headers", [
    ("", {}),
    ("", {"Authorization": "Bearer x"}),
    ("", {"Authorization": "OAuth2 " + MANAGEMENT_TOKEN}),
    ("", {"Authorization": "Bearer " + MANAGEMENT_TOKEN + "x"}),
    ("?api_token=" + MANAGEMENT_TOKEN, {}),
])
def test_requests_in_flight_are_shown_for_the_exact_token_alone(daemon, query, headers):
    status, got, body = ask(daemon, "GET", "/_inspect/requests" + query, headers)
    assert (status, got["Content-Type"]) == (401, "application/json")
    assert list(json.loads(body)) == ["errors"]


@pytest.fixture(scope="module")
def standby(site):
    """It waits for a lock that it cannot even ask for."""
    standby = site.daemon(connection={"host": "127.0.0.1", "port": "1", "dbname": "none"}).start()
    assert not standby.active()
    return standby


@pytest.mark.parametrize("method, path", [
    ("GET", "/container?container_uuid=zzzzz-dz642-000000000000000"),  # what the controller asks; 404: it asks the next dispatcher
    ("GET", "/container"),
    ("GET", "/containers"),
    ("GET", "/instances"),
    ("POST", "/containers/kill"),
    ("POST", "/instances/hold"),
    ("POST", "/instances/kill"),
])
def test_a_standby_knows_of_nothing(standby, method, path):
    status, headers, body = ask(standby, method, API + path)
    assert (status, headers["Content-Type"], json.loads(body)) == (404, "application/json", {"errors": ["this dispatcher is not the active one"]})


def test_log_lines_are_json_with_the_reference_s_fields(daemon):
    ask(daemon, "GET", API + "/instances?api_token=secretsecret&a=1", dict(BEARER, **{"X-Request-Id": "req-logged", "X-Forwarded-For": "1.2.3.4"}))
    lines = wait_for(lambda: [line for line in map(json.loads, daemon.log().splitlines()) if line.get("RequestID") == "req-logged"][1:] and
                     [json.loads(line) for line in daemon.log().splitlines()], 10, what="two lines")
    request, response = [line for line in lines if line.get("RequestID") == "req-logged"]
    for line in lines:
        assert {"level", "msg", "time", "PID", "ClusterID"} <= set(line), line
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", line["time"]) and line["ClusterID"] == "zzzzz"
    assert (request["msg"], response["msg"]) == ("request", "response")
    assert {key: request[key] for key in ("reqMethod", "reqPath", "reqQuery", "reqForwardedFor", "reqBytes", "reqHost")} == {
        "reqMethod": "GET", "reqPath": API[1:] + "/instances", "reqQuery": "api_token=…&a=1", "reqForwardedFor": "1.2.3.4", "reqBytes": 0,
        "reqHost": daemon.address}
    assert (response["respStatusCode"], response["respStatus"]) == (200, "OK") and response["respBytes"] > 0
    assert all(isinstance(response[key], float | int) for key in ("timeTotal", "timeToStatus", "timeWriteBody"))
    assert "secretsecret" not in daemon.log() and MANAGEMENT_TOKEN not in daemon.log()
