"""An event bus in memory (facts §11): plain websocket on this machine, for a FakeController."""

import http.server
import json
import threading
import time

from .websocket import CLOSE, PING, PONG, accept_key, frame, read_frame


class FakeEventBus:
    """`refuses`: connections are answered 503. `mute`: nothing is answered to subscribers."""

    def __init__(self, controller, address="127.0.0.1"):
        self.mutex = threading.Lock()
        self.clients = []  # files to write to
        self.asked, self.subscribed = [], 0  # targets; granted subscriptions
        self.refuses = self.mute = False
        self.next_id = 1
        controller.on_event = self.tell
        bus = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                bus.asked.append(self.path)
                if bus.refuses:
                    self.send_error(503)
                    return
                self.send_response(101)
                for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"),
                                    ("Sec-WebSocket-Accept", accept_key(self.headers["Sec-WebSocket-Key"]))):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.flush()
                self.close_connection = True
                bus.serve(self)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """Clients are dropped here."""

        self.server = Server((address, 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"ws://{address}:{self.port}/websocket"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def serve(self, handler):
        while (got := read_frame(handler.rfile)) and got[0] != CLOSE:
            if got[0] == PONG:
                continue
            if got[0] == PING:
                self.write(handler, frame(got[1], PONG))
            elif not self.mute and json.loads(got[1])["method"] == "subscribe":
                with self.mutex:
                    self.clients.append(handler)
                    self.subscribed += 1
                self.write(handler, frame('{"status":200}'))
        with self.mutex:
            self.clients = [client for client in self.clients if client is not handler]

    def write(self, handler, data):
        try:
            with self.mutex:
                handler.wfile.write(data)
        except OSError:
            pass

    def tell(self, uuid, before, after):
        """An event, as of a saved change. `before`: None for a new record."""
        kind = "arvados#container" if "-dz642-" in uuid else "arvados#containerRequest"
        attributes = {"new_attributes": {"state": after}, **({"old_attributes": {"state": before}} if before else {})}
        self.next_id += 1
        self.send_all(frame(json.dumps({
            "msgID": 1, "id": self.next_id, "uuid": f"zzzzz-57u5n-{self.next_id:015d}", "object_uuid": uuid, "object_kind": kind,
            "event_type": "update" if before else "create", "properties": attributes,
            "event_at": time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())})))

    def send_all(self, data):
        """Raw bytes to every subscriber."""
        for client in list(self.clients):
            self.write(client, data)

    def drop_all(self):
        """Breaks every connection."""
        for client in list(self.clients):
            try:
                client.connection.shutdown(2)
            except OSError:
                pass

    def stop(self):
        self.drop_all()
        self.server.shutdown()
        self.server.server_close()
