"""A server that speaks PostgreSQL's protocol badly: what it does wrong is its mood, which may change at any time."""

import socket
import struct
import threading

SSL_REQUEST = 80877103


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def parameter(name, value):
    return message(b"S", name + b"\0" + value + b"\0")


def rows(*values, complete=b"SELECT 1"):
    """The answer to a query: one column of text; None is NULL."""
    description = struct.pack("!H", 1) + b"answer\0" + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0)
    cells = [struct.pack("!Hi", 1, -1) if v is None else struct.pack("!HI", 1, len(v)) + v for v in values]
    return message(b"T", description) + b"".join(message(b"D", cell) for cell in cells) + message(b"C", complete + b"\0") + READY


def error(words, severity=b"ERROR"):
    return message(b"E", b"S" + severity + b"\0VXX000\0CXX000\0M" + words + b"\0\0")


READY = message(b"Z", b"I")
WELCOME = (message(b"R", struct.pack("!I", 0)) + parameter(b"server_version", b"15.0") + parameter(b"client_encoding", b"UTF8") +
           parameter(b"in_hot_standby", b"off") + parameter(b"default_transaction_read_only", b"off") +
           parameter(b"standard_conforming_strings", b"on") + message(b"K", struct.pack("!II", 1, 2)) + READY)
MIB = b"x" * (1 << 20)


class Endless:
    """First `start`, then `part` again and again until the other side has had enough."""

    def __init__(self, start, part):
        self.start, self.part = start, part


HANG, CLOSE = object(), object()

# What it says to a client that connects, in place of the welcome.
GREETINGS = {
    "closes at once": CLOSE,
    "hangs": HANG,
    "speaks HTTP": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "noise": bytes(range(255, 0, -1)) * 20,
    "a message of 2 GiB": b"R" + struct.pack("!I", 0x7FFFFFFF) + MIB,
    "a message shorter than its length": b"R" + struct.pack("!I", 1),
    "an authentication nobody knows": message(b"R", struct.pack("!I", 99)),
    "an error with control characters": error(b"no\n\x1b[2J\xff\xfe entry", b"FATAL"),
    "endless notices": Endless(b"", message(b"N", b"SNOTICE\0Mx\0\0") * 5000),
    "endless parameters": Endless(message(b"R", struct.pack("!I", 0)), b"".join(parameter(b"p%d" % i, b"v" * 200) for i in range(3000))),
}

# What it answers when it is asked for the lock.
ANSWERS = {
    "closes": CLOSE,
    "hangs": HANG,
    "half a message": b"T\0\0\0",
    "noise": bytes(range(255, 0, -1)) * 20,
    "no row": rows(complete=b"SELECT 0"),
    "a null": rows(None),
    "a word": rows(b"maybe"),
    "two rows": rows(b"t", b"t"),
    "an endless row": Endless(b"D" + struct.pack("!I", 0x3FFFFFFF) + struct.pack("!HI", 1, 0x3FFFFFF0), MIB),
    "endless rows": Endless(rows(b"t")[:-len(READY)], message(b"D", struct.pack("!HI", 1, 1) + b"t") * 5000),
    "endless notices": Endless(b"", message(b"N", b"SNOTICE\0M" + b"x" * 100 + b"\0\0") * 5000),
    "an error with control characters": error(b"no\n\x1b[2J\xff\xfe lock " + b"y" * 5000) + READY,
    "copy in": message(b"G", b"\0\0\0"),
    "copy out": message(b"H", b"\0\0\0"),
}


class BadPostgres:
    def __init__(self):
        self.greeting = self.answer = self.ping = None  # None: as it should be, and the lock is another's
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopped = threading.Event()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.stopped.set()
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def say(self, client, what):
        """Whether the conversation goes on."""
        if what is CLOSE:
            return False
        if what is HANG:
            self.stopped.wait()
            return False
        if isinstance(what, Endless):
            client.sendall(what.start)
            while not self.stopped.is_set():
                client.sendall(what.part)
        client.sendall(what)
        return True

    def serve(self, client):
        try:
            with client, client.makefile("rb") as stream:
                self.converse(client, stream)
        except (OSError, struct.error, ValueError):
            pass

    def converse(self, client, stream):
        while True:
            size, code = struct.unpack("!II", stream.read(8))
            stream.read(size - 8)
            if code != SSL_REQUEST:
                break
            client.sendall(b"N")
        if not self.say(client, self.greeting or WELCOME):
            return
        while kind := stream.read(1):
            body = stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
            if kind != b"Q":
                continue
            if body.startswith(b"SET"):
                client.sendall(message(b"C", b"SET\0") * (body.count(b";") + 1) + READY)
            elif b"pg_try_advisory_lock" in body:
                if not self.say(client, self.answer or rows(b"f")):
                    return
            elif b"pg_locks" in body:
                client.sendall(rows(complete=b"SELECT 0"))
            elif not self.say(client, self.ping or rows(b"1")):
                return
