"""A PostgreSQL that misbehaves: the dispatcher stays on standby, says why, stays small and alive, and acts once it is well."""

import json
import pathlib
import re
import time

import pytest
from harness.bad_postgres import ANSWERS, CLOSE, GREETINGS, HANG, BadPostgres, rows
from harness.cluster import Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController

MOST_MEMORY = 64 << 10  # KiB more than at first


@pytest.fixture(scope="module")
def bad():
    server = BadPostgres()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def daemon(bin_dir, tmp_path_factory, bad):
    """One for all moods: each finds it as the one before left it."""
    controller = FakeController("127.0.0.1")
    site = Site(bin_dir, tmp_path_factory.mktemp("site"), controller, {"host": "127.0.0.1", "port": str(bad.port), "user": "u", "password": "s3cret-pw",
                                                                     "dbname": "d"})
    daemon = site.daemon().start()
    yield daemon
    try:
        assert daemon.stop() == 0
        assert "s3cret-pw" not in daemon.log()
    finally:
        site.destroy()
        controller.stop()


def memory(daemon):
    """The most that it ever had, in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text())[1])


def detail(daemon):
    status, body = daemon.get("/_health/ping")
    assert status == 200, body
    return json.loads(body).get("detail", "")


def suffer(daemon, bad):
    """Some tries under the present mood."""
    seen = bad.connections
    wait_for(lambda: bad.connections >= seen + 2, 20, what="it tries again")
    told = wait_for(lambda: detail(daemon), 5, what="a detail")
    assert told.startswith("PostgreSQL: ") and len(told) < 600 and told.isprintable(), told
    assert not daemon.active()
    assert daemon.process.poll() is None


def recover(daemon, bad):
    bad.greeting = bad.answer = None
    wait_for(lambda: detail(daemon).endswith("held by another"), 20, what="it is well")
    for line in daemon.log().splitlines():
        json.loads(line)


@pytest.mark.parametrize("mood", GREETINGS)
def test_a_greeting_that_is_none(daemon, bad, mood):
    before = memory(daemon)
    bad.greeting, bad.answer = GREETINGS[mood], CLOSE
    suffer(daemon, bad)
    assert memory(daemon) < before + MOST_MEMORY
    recover(daemon, bad)


@pytest.mark.parametrize("mood", ANSWERS)
def test_an_answer_that_is_none(daemon, bad, mood):
    before = memory(daemon)
    bad.answer = ANSWERS[mood]
    suffer(daemon, bad)
    assert memory(daemon) < before + MOST_MEMORY
    recover(daemon, bad)


def test_a_lock_whose_server_falls_silent_is_given_up(daemon, bad):
    bad.answer = rows(b"t")
    wait_for(daemon.active, 20, what="active")
    bad.ping = bad.answer = bad.greeting = HANG
    began = time.monotonic()
    wait_for(lambda: not daemon.active(), 6, what="it stops acting")
    assert time.monotonic() - began < 4.5
    bad.ping = None
    recover(daemon, bad)
