"""A cluster's berthd: what it checks, listens on, says to the service manager, and does with signals."""

import os
import pathlib
import signal
import ssl
import subprocess
import time

import pytest

from harness.service import MANAGEMENT_TOKEN, ROOT_TOKEN, ServiceDaemon, EmptyApi, config_text
from harness.daemon import free_port, wait_for
from harness.tls import make_certificate

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTHING_SET = {"ARVADOS_CONFIG": "", "ARVADOS_API_HOST": "", "ARVADOS_API_TOKEN": "", "ARVADOS_SERVICE_INTERNAL_URL": ""}


@pytest.fixture
def api():
    server = EmptyApi()
    yield server
    server.close()


@pytest.fixture
def cluster(bin_dir, tmp_path):
    made = []

    def make(text, *flags, environment=()):
        directory = tmp_path / f"cluster{len(made)}"
        directory.mkdir()
        daemon = ServiceDaemon(bin_dir, directory, text, *flags, environment={**NOTHING_SET, **dict(environment)})
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.destroy()


def test_serves_the_management_api_and_ends_cleanly(cluster, api):
    url = f"http://127.0.0.1:{free_port()}"
    daemon = cluster(config_text(api.url, url), "--no-lock")
    daemon.wait_ready()
    assert daemon.get(url + "/_health/ping")[0] == 200
    assert daemon.get(url + "/metrics")[0] == 200
    assert daemon.get(url + "/metrics", token="wrong")[0] == 403
    wait_for(lambda: daemon.get(url + "/arvados/v1/dispatch/containers")[0] == 200, what="the dispatcher is active")
    begin = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - begin < 10
    assert daemon.notify.recv(100) == b"STOPPING=1"


def test_ready_before_the_lock_and_a_clean_end_without_it(cluster, api):
    url = f"http://127.0.0.1:{free_port()}"
    connection = f'    PostgreSQL: {{Connection: {{host: 127.0.0.1, port: "{free_port()}", dbname: nobody}}}}'
    daemon = cluster(config_text(api.url, url, connection))
    daemon.wait_ready()
    assert daemon.get(url + "/_health/ping")[0] == 200
    assert daemon.get(url + "/metrics")[0] == 200
    for kind in ("containers", "instances"):
        assert daemon.get(f"{url}/arvados/v1/dispatch/{kind}")[0] == 404
    assert not [path for _, path, _ in api.requests if path.startswith("/arvados/v1/containers")]
    begin = time.monotonic()
    assert daemon.terminate() == 0
    assert time.monotonic() - begin < 10


def test_a_hang_up_does_not_end_it(cluster, api):
    url = f"http://127.0.0.1:{free_port()}"
    daemon = cluster(config_text(api.url, url), "--no-lock")
    daemon.wait_ready()
    for _ in range(3):
        daemon.signal(signal.SIGHUP)
    assert daemon.get(url + "/_health/ping")[0] == 200
    assert daemon.process.poll() is None
    assert daemon.terminate() == 0


def test_https_with_a_certificate_that_is_read_again_on_hang_up(cluster, api, tmp_path):
    first, first_key = make_certificate(tmp_path, "first")
    second, second_key = make_certificate(tmp_path, "second")
    certificate, key = tmp_path / "current.pem", tmp_path / "current-key.pem"
    certificate.write_bytes(first.read_bytes())
    key.write_bytes(first_key.read_bytes())
    port = free_port()
    daemon = cluster(config_text(api.url, f"https://127.0.0.1:{port}",
                                 f"    TLS: {{Certificate: \"file://{certificate}\", Key: {key}}}"), "--no-lock")
    daemon.wait_ready()
    url = f"https://127.0.0.1:{port}/_health/ping"
    trusts_first = ssl.create_default_context(cafile=str(first))
    trusts_second = ssl.create_default_context(cafile=str(second))
    assert daemon.get(url, context=trusts_first)[0] == 200
    assert ssl.get_server_certificate(("127.0.0.1", port)) == first.read_text()

    certificate.write_bytes(b"garbage")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("certificate not reloaded")
    assert daemon.get(url, context=trusts_first)[0] == 200, "the old one stays in use"

    certificate.write_bytes(second.read_bytes())
    key.write_bytes(second_key.read_bytes())
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("certificate reloaded")
    assert daemon.get(url, context=trusts_second)[0] == 200
    assert daemon.terminate() == 0


def test_https_from_one_file_as_an_acme_client_keeps_it(cluster, api, tmp_path):
    certificate, key = make_certificate(tmp_path, "acme")
    both = tmp_path / "both"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    port = free_port()
    daemon = cluster(config_text(api.url, f"https://127.0.0.1:{port}", f"    TLS: {{Certificate: {both}, Key: {both}}}"), "--no-lock")
    daemon.wait_ready()
    trusting = ssl.create_default_context(cafile=str(certificate))
    assert daemon.get(f"https://127.0.0.1:{port}/_health/ping", context=trusting)[0] == 200


def test_the_first_address_that_can_be_bound_is_taken(cluster, api):
    port = free_port()
    text = config_text(api.url, "http://203.0.113.1:9006").replace(
        '"http://203.0.113.1:9006": {}',
        f'"http://203.0.113.1:9006": {{}}, "http://elsewhere.example:9006": {{ListenURL: "http://127.0.0.1:{port}"}}')
    daemon = cluster(text, "--no-lock")
    daemon.wait_ready()
    assert daemon.get(f"http://127.0.0.1:{port}/_health/ping")[0] == 200
    assert "addresses passed over" in daemon.log() and "203.0.113.1:9006: Cannot assign" in daemon.log()


def test_no_address_that_can_be_bound(cluster, api):
    daemon = cluster(config_text(api.url, "http://203.0.113.1:9006"), "--no-lock")
    assert daemon.process.wait(30) == 1
    assert daemon.log().count("listen on 203.0.113.1:9006: Cannot assign requested address") == 1


def test_the_environment_chooses_the_address(cluster, api):
    port = free_port()
    daemon = cluster(config_text(api.url, "http://127.0.0.1:1"), "--no-lock",
                     environment={"ARVADOS_SERVICE_INTERNAL_URL": f"http://127.0.0.1:{port}"})
    daemon.wait_ready()
    assert daemon.get(f"http://127.0.0.1:{port}/_health/ping")[0] == 200
    assert "ARVADOS_SERVICE_INTERNAL_URL" in daemon.log()


def test_token_from_the_environment_and_no_proxy_for_this_machine(cluster, api):
    text = config_text(api.url, f"http://127.0.0.1:{free_port()}").replace(ROOT_TOKEN, '""')
    daemon = cluster(text, "--no-lock", environment={"ARVADOS_API_TOKEN": "t" * 40, "http_proxy": "http://127.0.0.1:1"})
    daemon.wait_ready()
    wait_for(lambda: api.requests, what="a request")
    assert api.requests[0][2]["Authorization"] == "Bearer " + "t" * 40


def test_an_api_that_is_not_there_is_named_once(cluster):
    daemon = cluster(config_text(f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"), "--no-lock")
    daemon.wait_ready()
    daemon.wait_for_log("GET http://127.0.0.1")
    assert not [line for line in daemon.log().splitlines() if line.count("GET ") > 1]


def test_check_and_daemon_refuse_the_same(bin_dir, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(config_text("", "https://127.0.0.1:9006", vms="        SupervisorFraction: 2"))
    environment = dict(os.environ, **NOTHING_SET)
    run = [subprocess.run([bin_dir / "berthd", "--config", path, *flags], capture_output=True, text=True, timeout=30,
                          env=environment) for flags in (("--check-config",), ())]
    assert [r.returncode for r in run] == [1, 1]
    assert run[0].stderr == run[1].stderr
    for key in ("Services.Controller.ExternalURL", "InternalURLs.https://127.0.0.1:9006/", "SupervisorFraction",
                "PostgreSQL.Connection"):
        assert f": error: " in run[0].stderr and key in run[0].stderr


@pytest.mark.parametrize("connection, variables, words", [
    ("{sslmode: verify-full, sslrootcert: /no/such/file}", {}, "PostgreSQL.Connection.sslrootcert: cannot be read"),
    ("{sslmode: bogus}", {}, "PostgreSQL.Connection.sslmode: must be one of"),
    ("{port: notaport}", {}, "PostgreSQL.Connection.port: must be a number"),
    ("{dbname: x}", {"SSL_CERT_FILE": "/no/such/file"}, "error: SSL_CERT_FILE: /no/such/file: cannot be read"),
    ("{dbname: x}", {"HTTPS_PROXY": "::garbage::"}, "error: HTTPS_PROXY is not the URL of"),
    ("{dbname: x}", {"ARVADOS_SERVER_ADDRESS": "bad host:xx"}, "error: ARVADOS_SERVER_ADDRESS: must be a host name"),
    ("{dbname: x}\n    Collections: {BlobSigningTTL: 300}", {}, "error: Collections.BlobSigningTTL: a unit is missing"),
])
def test_what_could_not_work_is_told_before_the_lock_is_asked_for(bin_dir, tmp_path, connection, variables, words):
    path = tmp_path / "config.yml"
    text = config_text("https://zzzzz.example/", "http://127.0.0.1:9006")
    path.write_text(f"{text}    PostgreSQL:\n      Connection: {connection}\n")
    environment = dict(os.environ, **NOTHING_SET, **variables)
    for flags in (("--check-config",), ()):
        run = subprocess.run([bin_dir / "berthd", "--config", path, *flags], capture_output=True, text=True, timeout=30,
                             env=environment)
        assert run.returncode == 1 and words in run.stderr, run.stderr


def test_dump_config(bin_dir, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(config_text("http://127.0.0.1:1", "http://127.0.0.1:2"))
    environment = dict(os.environ, **NOTHING_SET)

    def dump(*flags):
        return subprocess.run([bin_dir / "berthd", "-config", path, *flags], capture_output=True, text=True, timeout=30,
                              env=environment)

    masked, whole = dump("-dump-config"), dump("-dump-config", "-unmask")
    assert masked.returncode == whole.returncode == 0
    assert ROOT_TOKEN not in masked.stdout and MANAGEMENT_TOKEN not in masked.stdout
    assert ROOT_TOKEN in whole.stdout
    (tmp_path / "again.yml").write_text(whole.stdout)
    again = subprocess.run([bin_dir / "berthd", "-config", tmp_path / "again.yml", "-dump-config", "-unmask"],
                           capture_output=True, text=True, timeout=30, env=environment)
    assert again.stdout == whole.stdout


def test_the_standalone_file_runs_as_a_cluster(cluster, api, bin_dir, tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    text = (ROOT / "config/standalone.yml").read_text()
    for before, after in (("http://127.0.0.1:8000/", api.url), ("http://127.0.0.1:9006/", url),
                          ("/usr/bin/berth-run", str(bin_dir / "berth-run")),
                          ("/var/lib/berth/instances", str(tmp_path / "instances"))):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "instances").mkdir()
    daemon = cluster(text, "--no-lock")
    daemon.wait_ready()
    token = "replaceThisExampleTokenByOneOfYourOwn01"
    wait_for(lambda: daemon.get(url + "/arvados/v1/dispatch/instances", token=token)[0] == 200, what="it is active")
    assert daemon.terminate() == 0


def test_a_standalone_daemon_survives_a_hang_up(make_daemon):
    daemon = make_daemon()
    client = daemon.start()
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "certificate reloaded" in daemon.log_path.read_text(), what="the certificate is reloaded")
    assert daemon.process.poll() is None
    assert daemon.stop() == 0
