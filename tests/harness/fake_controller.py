"""A cluster's API in memory, as a dispatcher and its runners use it (facts §2.2, §2.4). Plain HTTP on this machine."""

import http.server
import json
import re
import threading
import time
import urllib.parse

TOKEN_UUID = "zzzzz-gj3su-000000000000000"
ALLOWED = {("Queued", "Locked"), ("Queued", "Cancelled"), ("Locked", "Queued"), ("Locked", "Running"), ("Locked", "Cancelled"),
           ("Running", "Complete"), ("Running", "Cancelled"), ("Complete", "Cancelled")}


def now():
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime())}.000000000Z"


class FakeController:
    def __init__(self, address="0.0.0.0"):
        self.mutex = threading.Lock()
        self.containers = {}
        self.history = []  # (time, uuid, from, to)
        self.lists = 0  # that were answered
        self.requests = {}  # of containers whose priority a user has changed
        self.asked = []  # the filters of each list of containers
        self.on_event = lambda uuid, before, after: None  # a FakeEventBus sets it
        controller = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                path, _, query = self.path.partition("?")
                form = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
                form.update(urllib.parse.parse_qsl(body, keep_blank_values=True))
                method = self.headers.get("X-Http-Method-Override") or form.get("_method") or self.command
                status, document = controller.handle(method, path, form)
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                """Clients are killed here; what they leave half said is no news."""

        self.server = Server((address, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, count, priority=1000, vcpus=1, ram=1 << 20, fields=lambda uuid: {}):
        """So many Queued containers; their uuids. `fields`: more of each record."""
        with self.mutex:
            uuids = [f"zzzzz-dz642-{len(self.containers) + i:015d}" for i in range(count)]
            for uuid in uuids:
                self.containers[uuid] = {
                    "uuid": uuid, "state": "Queued", "priority": priority, "locked_by_uuid": None, "mounts": {}, "runtime_status": {},
                    "container_image": "d41d8cd98f00b204e9800998ecf8427e+0", "scheduling_parameters": {},
                    "created_at": now(),
                    "modified_at": now(), "runtime_constraints": {"vcpus": vcpus, "ram": ram}, **fields(uuid)}
        for uuid in uuids:
            self.on_event(uuid, None, "Queued")
        return uuids

    def set_priority(self, uuid, priority):
        """As a user does by the container's request: of the container's record nothing else changes (facts §2.4)."""
        request = uuid.replace("-dz642-", "-xvhdp-")
        with self.mutex:
            self.containers[uuid]["priority"] = priority
            self.requests[request] = {"uuid": request, "state": "Committed", "container_uuid": uuid, "modified_at": now()}
        self.on_event(request, "Committed", "Committed")

    def states(self, uuids=None):
        with self.mutex:
            return [self.containers[uuid]["state"] for uuid in (uuids or self.containers)]

    def changes_since(self, moment, to):
        """When records changed to a state, in time.monotonic() seconds."""
        with self.mutex:
            return [when for when, _, _, now in self.history if when > moment and now == to]

    def handle(self, method, path, form):
        with self.mutex:
            if path == "/arvados/v1/api_client_authorizations/current":
                return 200, {"uuid": TOKEN_UUID}
            if path == "/arvados/v1/containers" and method == "GET":
                self.lists += 1
                self.asked.append(json.loads(form.get("filters") or "[]"))
                return 200, {"items": self.select(self.containers, form)}
            if path == "/arvados/v1/container_requests" and method == "GET":
                return 200, {"items": self.select(self.requests, form)}
            match = re.fullmatch(r"/arvados/v1/containers/([-0-9a-z]{27})(/lock|/unlock)?", path)
            if not match or match[1] not in self.containers:
                return 404, {"errors": ["not found"]}
            record = self.containers[match[1]]
            if method == "GET":
                return 200, record
            change = {"/lock": {"state": "Locked"}, "/unlock": {"state": "Queued"}}.get(match[2]) or json.loads(form.get("container") or "{}")
            return self.update(record, change)

    def update(self, record, change):
        state = change.get("state", record["state"])
        if state != record["state"] or not change.get("runtime_status", True):
            if (record["state"], state) not in ALLOWED:
                return 422, {"errors": [f"invalid state transition {record['state']} -> {state}"]}
            self.history.append((time.monotonic(), record["uuid"], record["state"], state))
        elif state == "Locked" and "runtime_status" not in change:
            return 422, {"errors": ["already locked"]}
        before = record["state"]
        record.update(change)
        record["modified_at"] = now()
        if state != before:
            record.update({"Running": {"started_at": now()}, "Complete": {"finished_at": now()}}.get(state, {}))
        record["locked_by_uuid"] = TOKEN_UUID if state in ("Locked", "Running") else None
        self.on_event(record["uuid"], before, state)
        return 200, record

    def select(self, records, form):
        items = sorted(records.values(), key=lambda c: c["uuid"])
        for field, op, operand in json.loads(form.get("filters") or "[]"):
            items = [c for c in items if matches(c[field], op, operand)]
        if form.get("order") == "priority desc":
            items.sort(key=lambda c: -c["priority"])
        if form.get("order") == "modified_at desc":
            items.sort(key=lambda c: c["modified_at"], reverse=True)
        offset = int(form.get("offset") or 0)
        return items[offset:offset + int(form.get("limit") or 100)]


def matches(value, op, operand):
    if op == "in":
        return value in operand
    if isinstance(value, int):
        operand = int(operand)
    return {"=": value == operand, "!=": value != operand, ">": (value is not None and value > operand),
            ">=": (value is not None and value >= operand), "<=": (value is not None and value <= operand)}[op]
