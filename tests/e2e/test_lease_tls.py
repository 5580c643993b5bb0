"""The session for the dispatcher lock over TLS, as PostgreSQL.Connection asks for it, with a real PostgreSQL."""

import subprocess

import pytest
from harness.cluster import Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.postgres import Postgres



def make_certificate(directory, name, subject):
    """Self-signed; paths of certificate and key."""
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-out", paths[0], "-keyout", paths[1],
                    "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={subject}"], check=True, capture_output=True)
    return paths


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    return {"server": make_certificate(directory, "server", "DNS:localhost"), "other": make_certificate(directory, "other", "DNS:localhost")}


@pytest.fixture(scope="module")
def postgres(certificates):
    server = Postgres(certificate=certificates["server"])
    yield server
    server.destroy()


@pytest.fixture
def site(bin_dir, tmp_path, postgres):
    controller = FakeController("127.0.0.1")
    site = Site(bin_dir, tmp_path, controller, postgres.connection())
    yield site
    site.destroy()
    controller.stop()


@pytest.mark.parametrize("host, keywords", [
    ("127.0.0.1", {}), ("127.0.0.1", {"sslmode": "require"}), ("localhost", {"sslmode": "require"}),
    ("localhost", {"sslmode": "verify-ca", "sslrootcert": "server"}), ("localhost", {"sslmode": "verify-full", "sslrootcert": "server"}),
])
def test_the_lock_is_taken_over_tls(site, postgres, certificates, host, keywords):
    keywords = {key: str(certificates[value][0]) if key == "sslrootcert" else value for key, value in keywords.items()}
    daemon = site.daemon(connection=postgres.connection(host=host, **keywords)).start()
    wait_for(daemon.active, 10, what="active")
    assert postgres.sql(f"SELECT ssl, version FROM pg_stat_ssl WHERE pid = {postgres.holder()}") == "t|TLSv1.3"
    # It lives on pings, notices the session's end at once, and comes back.
    pings = postgres.sql(f"SELECT query_start FROM pg_stat_activity WHERE pid = {postgres.holder()}")
    wait_for(lambda: postgres.sql(f"SELECT query_start FROM pg_stat_activity WHERE pid = {postgres.holder()}") != pings, 5, what="a ping")
    assert daemon.active()
    postgres.sql(f"SELECT pg_terminate_backend({postgres.holder()})")
    wait_for(lambda: "dispatcher lock lost" in daemon.log(), 2, what="it notices")
    assert "connection has been closed unexpectedly" in daemon.log()
    wait_for(daemon.active, 10, what="active again")
    assert daemon.stop() == 0


@pytest.mark.parametrize("host, keywords, words", [
    ("127.0.0.1", {"sslmode": "disable"}, "no encryption"),
    ("localhost", {"sslmode": "verify-full", "sslrootcert": "other"}, "certificate verify failed"),
    ("localhost", {"sslmode": "verify-ca", "sslrootcert": "other"}, "certificate verify failed"),
    ("127.0.0.1", {"sslmode": "verify-full", "sslrootcert": "server"}, 'does not match host name "127.0.0.1"'),
])
def test_a_server_that_cannot_be_trusted_is_named_and_not_used(site, postgres, certificates, host, keywords, words):
    keywords = {key: str(certificates[value][0]) if value in certificates else value for key, value in keywords.items()}
    daemon = site.daemon(connection=postgres.connection(host=host, **keywords)).start()
    wait_for(lambda: words in daemon.log().replace('\\"', '"'), 10, what=words)
    assert not daemon.active() and postgres.holder() is None
    assert postgres.password not in daemon.log()
    assert daemon.stop() == 0
