"""A proxy in front of a controller that can be made to answer nonsense."""

import http.client
import http.server
import threading

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


class BadProxy:
    """Hands calls on to `127.0.0.1:upstream_port`; while `mood` is set nothing gets there."""

    def __init__(self, upstream_port):
        self.mood = None
        self.mocked = self.served = 0  # calls that were answered with nonsense, and that were handed on
        self.mutex = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with proxy.mutex:
                    mood = proxy.mood
                    if mood is None:
                        status, data = self.hand_on(body)
                        proxy.served += 1
                    else:
                        proxy.mocked += 1
                if mood is not None:
                    self.wfile.write(MOODS[mood])
                    self.close_connection = True
                    return
                self.wfile.write(b"HTTP/1.1 %d Answer\r\nContent-Length: %d\r\n\r\n%s" % (status, len(data), data))

            def hand_on(self, body):
                connection = http.client.HTTPConnection("127.0.0.1", upstream_port, timeout=10)
                names = ("Content-Type", "X-Http-Method-Override")
                connection.request(self.command, self.path, body, {name: self.headers[name] for name in names if name in self.headers})
                response = connection.getresponse()
                data = response.read()
                connection.close()
                return response.status, data

            do_GET = do_PUT = do_POST = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
