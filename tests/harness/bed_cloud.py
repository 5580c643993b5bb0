"""The cloud of a bed: JSON over HTTP on this machine, for the driver `bed` of berthd-bed (tests/support/bed_driver.cpp)."""

import contextlib
import http.server
import json
import threading


class BedCloud:
    """Instances are hosts of the bed, by name. What tests may set: `host_options` for the next ones, `fail_with`."""

    def __init__(self, bed):
        self.bed, self.mutex = bed, threading.Lock()
        self.instances = {}  # by id: what the driver is told
        self.host_options = {}
        self.host_keys = None  # what the driver is told: None (it knows none), "right" or "wrong" ones
        self.secret_delay = 0  # seconds from the first answer of sshd until user data is done
        self.hides_addresses = False  # from the answers to creates: lists show them
        self.tells_ports = False  # in addresses
        self.on_create = None  # called with each new host
        self.create_errors = []  # (kind, message) of the next creates
        self.created = 0
        self.gone = None  # the answer to everything once the bed is being taken down
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                with cloud.mutex:
                    answer = cloud.gone or getattr(cloud, "answer_" + self.path.strip("/"))(**request)
                data = json.dumps(answer).encode()
                with contextlib.suppress(ConnectionError):  # of a daemon that was stopped meanwhile
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.gone = {"error": {"kind": "network", "message": "the bed is gone"}}
        with self.mutex:  # after what is being made
            pass
        self.server.shutdown()
        self.server.server_close()

    def answer_create(self, type, tags, init_command, public_key):
        if self.create_errors:
            kind, message = self.create_errors.pop(0)
            return {"error": {"kind": kind, "message": message}}
        host = self.bed.create(**{"public_key": public_key, "init_command": self.delayed(init_command), **self.host_options})
        self.created += 1
        if self.on_create:
            self.on_create(host)
        self.instances[host.name] = {
            "id": host.name, "provider_type": type, "address": f"{host.address}:{self.bed.port}" if self.tells_ports else host.address, "user": self.bed.user, "tags": tags,
            "host_key": {None: "", "right": host.host_key(), "wrong": self.bed.public_key()}[self.host_keys]}
        answer = self.instances[host.name]
        return {"instance": {**answer, "address": ""} if self.hides_addresses else answer}

    def delayed(self, init_command):
        return f"{{ sleep {self.secret_delay}; {init_command.strip()}\n}} </dev/null &" if self.secret_delay else init_command

    def answer_list(self):
        return {"instances": list(self.instances.values())}

    def answer_destroy(self, id):
        if self.instances.pop(id, None) is not None and id in self.bed.hosts:
            self.bed.hosts[id].destroy()
        return {}

    def answer_tags(self, id, tags):
        if id not in self.instances:
            return {"error": {"kind": "not_found", "message": f"no instance {id}"}}
        self.instances[id]["tags"] = tags
        return {}

    def tag(self, id, name, prefix="Arvados"):
        return self.instances[id]["tags"].get(prefix + name)

    def hosts(self):
        """Of the instances that there are."""
        with self.mutex:
            return [self.bed.hosts[id] for id in self.instances if id in self.bed.hosts]
