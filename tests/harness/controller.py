"""A small controller of a cluster, with a proxy in front that can be made to answer nonsense."""

import http.server
import json
import threading
import time
import urllib.parse

TOKEN_UUID = "zzzzz-gj3su-000000000000001"
COMPARE = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}
HTML = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"
#: What the proxy sends instead of the controller's answer.
MOODS = {
    "HTML 502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(HTML), HTML),
    "HTML 200": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(HTML), HTML),
    "empty 200": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "truncated JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"items\":[{\"uuid\":\"zzz",
    "body cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"items\":[],\"uuid\":\"zzzzz-gj3su-000000000000001\"",
    "hangs up": b"",
}


class Controller:
    """Containers in memory. While `mood` is set nothing reaches them."""

    def __init__(self):
        self.records, self.logs = {}, {}
        self.mood = None
        self.mocked = self.served = 0  # calls that the proxy answered, and that the controller did
        self.lock = threading.Lock()
        controller = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with controller.lock:
                    mood = controller.mood
                    if mood is not None:
                        controller.mocked += 1
                    else:
                        controller.served += 1
                        status, answer = controller.answer(self.command, self.path, body)
                if mood is not None:
                    self.wfile.write(MOODS[mood])
                    self.close_connection = True
                    return
                data = json.dumps(answer).encode()
                self.wfile.write(b"HTTP/1.1 %d Answer\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data))

            do_GET = do_PUT = do_POST = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def submit(self, command, priority=500, **attributes):
        with self.lock:
            uuid = f"zzzzz-dz642-{len(self.records) + 1:015d}"
            now = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
            self.records[uuid] = {
                "uuid": uuid, "state": "Queued", "priority": priority << 50, "command": command, "created_at": now, "modified_at": now,
                "container_image": "", "cwd": ".", "environment": {}, "mounts": {}, "locked_by_uuid": None, "lock_count": 0,
                "runtime_constraints": {"vcpus": 1, "ram": 1 << 20}, "scheduling_parameters": {}, "runtime_status": {},
                "exit_code": None, "started_at": None, "finished_at": None, **attributes}
            self.logs[uuid] = b""
            return uuid

    def states(self):
        with self.lock:
            return {uuid: record["state"] for uuid, record in self.records.items()}

    def answer(self, method, path, body):
        """(status, JSON value)."""
        url = urllib.parse.urlsplit(path)
        form = dict(urllib.parse.parse_qsl(url.query))
        parts = url.path.strip("/").split("/")
        if parts[-1] == "log":
            self.logs[parts[-2]] += body
            return 200, {}
        form.update(urllib.parse.parse_qsl(body.decode()))
        if parts[-2:] == ["api_client_authorizations", "current"]:
            return 200, {"uuid": TOKEN_UUID}
        if parts[2:] == ["containers"]:
            return 200, {"items": self.select(form)}
        record = self.records.get(parts[3]) if parts[2:3] == ["containers"] else None
        if record is None:
            return 404, {"errors": ["not found"]}
        if parts[4:] == ["lock"]:
            if record["state"] != "Queued" or record["priority"] == 0:
                return 422, {"errors": ["cannot lock"]}
            record.update(state="Locked", locked_by_uuid=TOKEN_UUID, lock_count=record["lock_count"] + 1)
        elif parts[4:] == ["unlock"]:
            if record["state"] != "Locked":
                return 422, {"errors": ["cannot unlock"]}
            record.update(state="Queued", locked_by_uuid=None)
        elif method == "PUT":
            if record["state"] in ("Complete", "Cancelled"):
                return 422, {"errors": ["it has ended"]}
            record.update(json.loads(form["container"]))
        return 200, record

    def select(self, form):
        found = list(self.records.values())
        for field, operator, value in json.loads(form.get("filters", "[]")):
            found = [r for r in found if r[field] is not None and COMPARE[operator](r[field], int(value) if field == "priority" else value)]
        found.sort(key=lambda r: r["uuid"])
        if "priority desc" in form.get("order", ""):
            found.sort(key=lambda r: -r["priority"])
        offset = int(form.get("offset", 0))
        return found[offset:offset + int(form.get("limit", 100))]
