"""The event bus: a cluster's daemon hears of changes at once, whatever the bus does; a standalone daemon serves one."""

import json
import pathlib
import time

import pytest

from harness import websocket
from harness.cluster import CONFIG, Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController
from harness.fake_event_bus import FakeEventBus

SOON = 30  # far below the interval of polls


class PushSite(Site):
    """Polls so seldom that nothing is found by them, but for the one at the start and one after each connection."""

    def __init__(self, bin_dir, directory):
        self.bus_controller = FakeController("127.0.0.1")
        self.bus = FakeEventBus(self.bus_controller)
        self.config = CONFIG.replace("PollInterval: 500ms", "PollInterval: 1h").replace(
            "      DispatchCloud:", f'      Websocket: {{ExternalURL: "{self.bus.url}"}}\n      DispatchCloud:')
        super().__init__(bin_dir, directory, self.bus_controller, {}, seconds=0)
        self.process = self.daemon(flags=["--no-lock"]).start()
        wait_for(lambda: self.metric("berth_event_bus_connected") == 1, what="the subscription")
        # Two at the start, one for the connection; what comes later is found by none of them.
        wait_for(lambda: self.metric("berth_queue_poll_seconds_count") == 3, what="the polls")

    def metric(self, name):
        lines = self.process.get("/metrics")[1].splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), None)

    def runs(self, uuids):
        wait_for(lambda: set(self.controller.states(uuids)) <= {"Complete", "Cancelled"}, SOON, what="containers run")

    def processes(self):
        """Containers of which an instance has a process, by its lock files."""
        told = [json.loads(path.read_text() or "{}") for path in self.instances.glob("*/lock/crunch-run-*.lock")]
        return [lock["UUID"] for lock in told if lock and pathlib.Path(f"/proc/{lock['PID']}/stat").exists()]

    def destroy(self):
        super().destroy()
        self.bus.stop()
        self.bus_controller.stop()


@pytest.fixture
def site(bin_dir, tmp_path):
    site = PushSite(bin_dir, tmp_path)
    yield site
    site.destroy()


def is_held(filters):
    return filters and filters[0][0] == "locked_by_uuid"


def test_what_is_told_runs_without_a_poll(site):
    site.runs(site.controller.add(1))  # the instance is made for it
    polls = sum(map(is_held, site.controller.asked))
    begin = time.monotonic()
    uuids = site.controller.add(1)
    site.runs(uuids)
    assert sum(map(is_held, site.controller.asked)) == polls
    locked = [t for t, uuid, _, to in site.controller.history if uuid == uuids[0] and to == "Locked"]
    assert len(locked) == 1 and locked[0] > begin
    assert "api_token=systemusertesttoken" in site.bus.asked[0]
    assert "systemusertesttoken" not in site.process.log()


def test_a_new_container_costs_three_shares_of_lists_and_one_lock(site):
    """When it comes, when it runs, when it has ended; the latter two may be one."""
    site.runs(site.controller.add(1))
    time_of_quiet = len(site.controller.asked)
    uuids = site.controller.add(1)
    site.runs(uuids)
    wait_for(lambda: not json.loads(site.process.get("/arvados/v1/dispatch/containers")[1])["items"], SOON, what="it is forgotten")
    mentioned = [filters for filters in site.controller.asked[time_of_quiet:] if uuids[0] in json.dumps(filters)]
    assert mentioned[0] == [["uuid", "in", uuids]] and len(mentioned) <= 3, mentioned
    assert [to for _, uuid, _, to in site.controller.history if uuid == uuids[0]] == ["Locked", "Running", "Complete"]


def test_priority_and_cancel_are_told_by_the_request(site):
    held_back, = site.controller.add(1, priority=0)
    site.runs(site.controller.add(1))  # which came later
    assert site.controller.states([held_back]) == ["Queued"]
    site.controller.set_priority(held_back, 1 << 50)
    site.runs([held_back])
    (site.directory / "stub.json").write_text(json.dumps({"witness": str(site.witness), "seconds": 1000}))
    long, = site.controller.add(1)
    wait_for(lambda: site.controller.states([long]) == ["Running"] and site.processes() == [long], SOON, what="it runs")
    site.controller.set_priority(long, 0)
    wait_for(lambda: site.processes() == [], SOON, what="its process is stopped")


def test_a_lost_connection_leaves_no_gap(site):
    site.bus.refuses = True
    site.bus.drop_all()
    wait_for(lambda: site.metric("berth_event_bus_connected") == 0, what="the loss is noticed")
    uuids = site.controller.add(3)
    assert site.controller.states(uuids) == ["Queued"] * 3
    subscribed = site.bus.subscribed
    site.bus.refuses = False
    site.runs(uuids)
    assert site.bus.subscribed == subscribed + 1
    assert site.metric("berth_event_bus_connections_total") == 2


HOSTILE = {
    "garbage": websocket.frame("no JSON at all"),
    "wrong types": websocket.frame('{"object_uuid":7,"properties":[]}'),
    "unknown events": websocket.frame('{"object_uuid":"zzzzz-dz642-000000000000777","event_type":"melt","properties":{"new_attributes":{"state":"Liquid"}}}'),
    "deep": websocket.frame("[" * 10_000),
    "path": websocket.frame('{"object_uuid":"../../../../../../etc/pass"}'),
    "flood": websocket.frame('{"object_uuid":"zzzzz-dz642-000000000000777","properties":{"new_attributes":{"state":"Complete"}}}') * 20_000,
    "pings": websocket.frame("ping", websocket.PING) * 20_000,
    "pongs": websocket.frame("pong", websocket.PONG) * 20_000,
    "empty fragments": bytes([0x01, 0]) + bytes([0x00, 0]) * 20_000 + bytes([0x80, 0]),
    # These end the connection; pauses grow with each.
    "endless fragments": bytes([0x01, 100]) + b"x" * 100 + (bytes([0x00, 100]) + b"x" * 100) * 12_000,
    "binary": websocket.frame(bytes(range(256)), websocket.BINARY),
    "claims to be huge": bytes([0x81, 127]) + b"\x7f" + b"\xff" * 7,
    "half a frame": bytes([0x81, 100]) + b"half",
    "huge": websocket.frame("x" * (3 << 20)),
}


def test_hostile_frames_harm_nothing(site):
    for what, data in HOSTILE.items():
        site.bus.send_all(data)
        if what == "half a frame":
            site.bus.drop_all()
        wait_for(lambda: site.bus.clients and site.metric("berth_event_bus_connected") == 1, SOON, what=f"after {what}")
        site.runs(site.controller.add(1))
    assert site.metric('berth_event_bus_messages_total{kind="malformed"}') >= 3
    assert "systemusertesttoken" not in site.process.log()


def test_a_flood_of_news_is_bounded(site):
    """30,000 containers that do not exist: 600 requests if each were asked for; some 16 a second are (docs/push.md)."""
    began, asked = time.monotonic(), len(site.controller.asked)
    for base in range(0, 30_000, 1000):
        site.bus.send_all(b"".join(websocket.frame(json.dumps({
            "object_uuid": f"zzzzz-dz642-{base + i:015d}", "properties": {"new_attributes": {"state": "Queued"}}})) for i in range(10_000, 11_000)))
    site.runs(site.controller.add(2))
    assert len(site.controller.asked) - asked < 100 + 20 * (time.monotonic() - began)
    for pid_line in open(f"/proc/{site.process.process.pid}/status"):
        if pid_line.startswith("VmRSS"):
            assert int(pid_line.split()[1]) < 100_000


def test_a_standalone_daemon_serves_the_bus(make_daemon):
    daemon = make_daemon()
    client = daemon.start()
    url = f"{client.api_url.replace('http', 'ws')}/websocket?api_token={client.api_token}"
    listener = websocket.Client(url)
    listener.send('{"method":"subscribe","filters":[["event_type","in",["create","update"]]]}')
    assert json.loads(listener.receive()) == {"status": 200}
    stranger = websocket.Client(url.partition("?")[0])
    stranger.send('{"method":"subscribe"}')
    assert json.loads(stranger.receive()) == {"status": 200}
    made = client.submit(command=["true"])
    states, requests = [], []
    while states[-1:] != ["Complete"] or requests[-1:] != ["Final"]:
        event = json.loads(listener.receive())
        of = states if event["object_uuid"] == made["container_uuid"] else requests
        state = event["properties"]["new_attributes"]["state"]
        if of[-1:] != [state]:
            of.append(state)
    assert states == ["Queued", "Locked", "Running", "Complete"] and requests == ["Committed", "Final"]
    stranger.send('{"method":"subscribe"}')
    assert json.loads(stranger.receive()) == {"status": 200}, "who has no token hears of nothing"
    assert client.api("GET", "/discovery/v1/apis/arvados/v1/rest")["websocketUrl"].endswith("/websocket")
    listener.close()
    assert daemon.stop() == 0, "an open websocket holds up no end"


def test_too_many_listeners_are_refused_and_strangers_take_no_places(make_daemon):
    client = make_daemon().start()
    strange = f"{client.api_url.replace('http', 'ws')}/websocket"
    url = f"{strange}?api_token={client.api_token}"
    strangers = [websocket.Client(strange) for _ in range(8)]
    assert [stranger.status for stranger in strangers] == [101] * 8
    assert websocket.Client(strange).status == 503
    listeners = [websocket.Client(url) for _ in range(56)]
    assert [listener.status for listener in listeners] == [101] * 56
    for listener in listeners:
        listener.send('{"method":"subscribe"}')
        assert listener.receive()
    assert websocket.Client(url).status == 503
    listeners[0].close()
    wait_for(lambda: websocket.Client(url).status == 101, what="room for another one")
