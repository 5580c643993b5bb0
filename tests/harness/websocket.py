"""Websockets (RFC 6455) on nothing but Python's standard library: the little that tests need."""

import base64
import hashlib
import os
import socket
import struct
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def frame(payload, opcode=TEXT, masked=False):
    """The bytes of one whole message."""
    data = payload.encode() if isinstance(payload, str) else payload
    mark = 0x80 if masked else 0
    if len(data) < 126:
        head = struct.pack("!BB", 0x80 | opcode, mark | len(data))
    elif len(data) < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, mark | 126, len(data))
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, mark | 127, len(data))
    if not masked:
        return head + data
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def read_frame(stream):
    """(opcode, payload) of the next frame; None at the end."""
    head = stream.read(2)
    if len(head) < 2:
        return None
    size = head[1] & 0x7f
    if size >= 126:
        size, = struct.unpack("!H" if size == 126 else "!Q", stream.read(2 if size == 126 else 8))
    mask = stream.read(4) if head[1] & 0x80 else bytes(4)
    data = stream.read(size)
    return (head[0] & 0x0f, bytes(b ^ mask[i % 4] for i, b in enumerate(data))) if len(data) == size else None


class Client:
    """Connects to ws://…; text messages only."""

    def __init__(self, url, timeout=20):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.stream = self.socket.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        headers = {}
        while (line := self.stream.readline().strip()):
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        if self.status == 101:
            assert headers["sec-websocket-accept"] == accept_key(key)

    def send(self, text):
        self.socket.sendall(frame(text, masked=True))

    def receive(self):
        """The next text message; None if the server leaves."""
        while (got := read_frame(self.stream)):
            opcode, data = got
            if opcode == PING:
                self.socket.sendall(frame(data, PONG, masked=True))
            elif opcode == CLOSE:
                return None
            elif opcode == TEXT:
                return data.decode()
        return None

    def close(self):
        self.stream.close()
        self.socket.close()
