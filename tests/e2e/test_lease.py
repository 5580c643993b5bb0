"""One active dispatcher: PostgreSQL's advisory lock 10005 (facts §12), with a real PostgreSQL."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from harness.cluster import Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.postgres import Postgres, alive

STOPS = 4.5  # the holder stops acting 4 s after the last answer; metrics are looked at every few hundredths of a second
TAKES_OVER = 15


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    yield server
    server.destroy()


@pytest.fixture
def site(bin_dir, tmp_path, postgres):
    controller = FakeController("127.0.0.1")
    site = Site(bin_dir, tmp_path, controller, postgres.connection())
    yield site
    site.destroy()
    controller.stop()


def seconds_until(condition, timeout, what):
    began = time.monotonic()
    wait_for(condition, timeout, what=what)
    return time.monotonic() - began


def active_and_standby(site):
    active = site.daemon().start()
    wait_for(active.active, 10, what="the first daemon is active")
    standby = site.daemon().start()
    wait_for(lambda: "waiting for the dispatcher lock" in standby.log(), 10, what="the second daemon waits")
    return active, standby


def assert_all_complete(site, uuids, timeout=60):
    wait_for(lambda: set(site.controller.states(uuids)) <= {"Complete", "Cancelled"}, timeout, what="all final")
    assert set(site.controller.states(uuids)) == {"Complete"}


def assert_each_ran_once(site):
    """A runner that ends before its record says Running (its dispatcher was killed while it told it what to do) has run nothing: that
    one may be started again."""
    runs = site.witnessed("run")
    assert set(runs.values()) == {1}, {uuid: count for uuid, count in runs.items() if count != 1}


def test_a_standby_answers_health_and_metrics_and_takes_over_after_kill_9(site):
    active, standby = active_and_standby(site)
    assert active.get("/_health/ping") == (200, '{"health":"OK"}\n')
    status, body = standby.get("/_health/ping")
    health = json.loads(body)
    assert (status, health["health"]) == (200, "OK") and health["detail"], body
    assert "\nberth_active 0\n" in standby.get("/metrics")[1]
    for path in ("containers", "instances"):
        assert standby.get(f"/arvados/v1/dispatch/{path}")[0] == 404
        assert active.get(f"/arvados/v1/dispatch/{path}")[0] == 200
    uuids = site.controller.add(8)
    assert_all_complete(site, uuids[:1])
    active.kill()
    took = seconds_until(standby.active, TAKES_OVER, "take-over")
    print(f"take-over after kill -9: {took:.2f} s")
    assert standby.get("/arvados/v1/dispatch/containers")[0] == 200
    assert_all_complete(site, uuids)
    assert_each_ran_once(site)


def test_the_session_notices_a_peer_that_is_gone(site, postgres):
    """The server drops a holder whose network is cut within about 10 s: what it is asked for, and what its socket then does."""
    before = postgres.log_size()
    postgres.sql("ALTER ROLE berth SET log_statement = 'all'")
    try:
        daemon = site.daemon().start()
        wait_for(daemon.active, 10, what="active")
    finally:
        postgres.sql("ALTER ROLE berth RESET log_statement")
    said = postgres.log_since(before)
    asked = {name: int(value) for name, value in re.findall(r"SET (tcp_\w+)\s*=\s*(\d+)", said)}
    assert asked == {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3, "tcp_user_timeout": 10000}
    assert said.index("tcp_user_timeout") < said.index("pg_try_advisory_lock"), "before the lock is asked for"


def test_sigterm_hands_over_and_ends_a_standby(site):
    active, standby = active_and_standby(site)
    third = site.daemon().start()
    assert third.stop() == 0, "a standby ends when told to"
    assert active.stop() == 0
    assert seconds_until(standby.active, 5, "take-over") < 3


def test_the_lock_of_another_program_keeps_berthd_on_standby(site, postgres):
    with subprocess.Popen(postgres.psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
        psql.stdin.write("SET application_name = 'arvados-dispatch-cloud'; SELECT pg_try_advisory_lock(10005);\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "t\n"
        daemon = site.daemon().start()
        wait_for(lambda: "arvados-dispatch-cloud, process" in daemon.log(), 10, what="the log names the holder")
        uuids = site.controller.add(1)
        tries = daemon.log().count("waiting for the dispatcher lock")
        time_of_look = time.monotonic()
        wait_for(lambda: time.monotonic() > time_of_look + 2.5, 5, what="some more tries")
        assert not daemon.active() and site.controller.states(uuids) == ["Queued"]
        assert daemon.log().count("waiting for the dispatcher lock") == tries == 1
        psql.stdin.close()
        psql.wait(10)
    wait_for(daemon.active, 5, what="active")
    assert_all_complete(site, uuids)


def test_postgresql_killed_and_started_again(site, postgres):
    active, standby = active_and_standby(site)
    early = site.controller.add(2)
    assert_all_complete(site, early)
    postgres.kill()
    stopped = seconds_until(lambda: not active.active(), STOPS, "the holder stops acting")
    print(f"stopped {stopped:.2f} s after PostgreSQL's end")
    stood = time.monotonic()
    late = site.controller.add(4)
    wait_for(lambda: time.monotonic() > stood + 3, 5, what="some time without PostgreSQL")
    assert site.controller.states(late) == ["Queued"] * 4
    assert site.controller.changes_since(stood, "Locked") == []
    assert active.get("/_health/ping")[0] == 200 and active.get("/arvados/v1/dispatch/instances")[0] == 404
    postgres.start()
    back = seconds_until(lambda: active.active() or standby.active(), TAKES_OVER, "one is active again")
    print(f"active again {back:.2f} s after PostgreSQL's start")
    assert not (active.active() and standby.active())
    assert_all_complete(site, late)
    assert_each_ran_once(site)


def test_a_silent_server_stops_the_holder_after_four_seconds(site, postgres):
    active, _ = active_and_standby(site)
    backend = postgres.holder()
    os.kill(backend, signal.SIGSTOP)
    try:
        assert active.active(), "a moment's silence is nothing"
        took = seconds_until(lambda: not active.active(), STOPS, "the holder stops acting")
        print(f"stopped {took:.2f} s after PostgreSQL fell silent")
        stood = time.monotonic()
        late = site.controller.add(3)
        wait_for(lambda: time.monotonic() > stood + 2, 5, what="some time of silence")
        assert site.controller.states(late) == ["Queued"] * 3
    finally:
        os.kill(backend, signal.SIGCONT)
    wait_for(lambda: any(d.active() for d in site.daemons), TAKES_OVER, what="one is active again")
    assert_all_complete(site, late)
    assert_each_ran_once(site)


def test_a_daemon_that_was_stopped_for_a_while_does_not_act_on(site, postgres):
    """As with a machine that was suspended: by the time it goes on another one is active."""
    active, standby = active_and_standby(site)
    os.kill(active.process.pid, signal.SIGSTOP)
    postgres.sql(f"SELECT pg_terminate_backend({postgres.holder()})")
    wait_for(standby.active, TAKES_OVER, what="take-over")
    uuids = site.controller.add(12)
    os.kill(active.process.pid, signal.SIGCONT)
    assert_all_complete(site, uuids)
    assert_each_ran_once(site)
    assert standby.active() and not active.active()


def test_the_password_is_in_no_log(site, postgres):
    daemon = site.daemon(connection=postgres.connection(password="wr0ng-'pass\\word")).start()
    wait_for(lambda: "authentication failed" in daemon.log(), 10, what="the log tells why")
    assert "wr0ng" not in daemon.log() and postgres.password not in daemon.log()
    assert "wr0ng" not in daemon.get("/metrics")[1]
    named = site.daemon(connection=postgres.connection(host="localhost")).start()
    wait_for(named.active, 10, what="a host given by name")
    assert postgres.password not in named.log()


def test_an_unknown_keyword_is_an_error_at_once(site, postgres):
    daemon = site.daemon(connection=postgres.connection(sslmod="require"))
    done = subprocess.run([daemon.program, "--config", daemon.config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "PostgreSQL.Connection.sslmod" in done.stderr and postgres.password not in done.stderr


def test_failing_over_again_and_again_starts_no_container_twice(site, postgres):
    """BERTH_FAILOVERS=50 for the long version."""
    rounds = int(os.environ.get("BERTH_FAILOVERS", "4"))
    active, standby = active_and_standby(site)
    longest, uuids = 0, []
    for number in range(rounds):
        uuids += site.controller.add(6)
        moment = time.monotonic() + 0.3 + 0.1 * (number % 7)
        wait_for(lambda: time.monotonic() > moment and site.controller.changes_since(0, "Running"), 30, what="load")
        if number % 4 == 3:
            assert active.stop() == 0
        else:
            active.kill()
        longest = max(longest, seconds_until(standby.active, TAKES_OVER, f"take-over {number}"))
        active, standby = standby, active.start()
        assert alive(standby.process.pid) and not standby.active()
    assert_all_complete(site, uuids, 60 + 3 * rounds)
    print(f"{rounds} take-overs, the longest {longest:.2f} s; {len(uuids)} containers, {sum(site.witnessed('start').values())} starts")
    assert_each_ran_once(site)
    assert set(site.witnessed("run")) == set(uuids)
