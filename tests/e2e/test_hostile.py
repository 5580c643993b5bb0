"""Bytes from a client that does not mean well: each is refused in its own words, nothing is made of it, nobody else is held up."""

import json
import socket

import pytest
from harness.client import ApiError

REQUESTS = "/arvados/v1/container_requests"
FORM = b'container_request={"command":["true"],"state":"Committed"}'
HOST = b"Host: x\r\n"
#: raw request ({AUTH} = a good Authorization line), status (0 = closed without an answer), words of the answer
HTTP = {
    "garbage": (b"\x00\xff\xfe garbage\r\n\r\n", 400, b"bad method"),
    "garbage in TLS": (b"\x16\x03\x01\x02\x00garbage", 0, b""),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, b"bad version"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000, 431, b"header is too large"),
    "a long path": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, b"header is too large"),
    "a bad escape": (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"two hex digits"),
    "NUL in the path": (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"NUL"),
    "CONNECT": (b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"not a path"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400, b"one Host header"),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, b"one Host header"),
    "two lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, b"multiple Content-Length"),
    "length and chunks": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, b"bad Transfer-Encoding"),
    "a negative length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400, b"bad Content-Length"),
    "a huge length": (b"POST %(requests)s HTTP/1.1\r\n" + HOST + b"%(auth)sContent-Length: 99999999999999\r\n\r\n", 413, b"body is too large"),
    "a huge chunk": (b"POST %(requests)s HTTP/1.1\r\n" + HOST + b"%(auth)sTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413, b"body is too large"),
    "a bad chunk": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, b"bad chunk"),
    "an odd expectation": (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: magic\r\nContent-Length: 1\r\n\r\na", 417, b"100-continue"),
    "headers cut off": (b"GET / HTTP/1.1\r\nHost: x\r\nX-Y", 0, b""),
    "a body cut off": (b"POST %(requests)s HTTP/1.1\r\n" + HOST + b"%(auth)sContent-Length: 1000\r\n\r\n" + FORM, 0, b""),
    "chunks cut off": (b"POST %(requests)s HTTP/1.1\r\n" + HOST + b"%(auth)sTransfer-Encoding: chunked\r\n\r\n%(size)x\r\n" + FORM + b"\r\n", 0, b""),
    "no token": (b"POST %(requests)s HTTP/1.1\r\n" + HOST + b"Content-Length: %(size)d\r\n\r\n" + FORM, 401, b"errors"),
}


@pytest.fixture(scope="module")
def daemon(make_shared_daemon):
    daemon = make_shared_daemon("--vcpus", "1", "--ram", "1GiB")
    daemon.start()
    return daemon


@pytest.fixture(autouse=True)
def nothing_comes_of_it(daemon):
    yield
    assert daemon.client.containers() == {}
    assert daemon.client.api("GET", REQUESTS, {"limit": 1})["items"] == []
    assert daemon.client.queue() == []
    assert daemon.process.poll() is None


def exchange(port, sent):
    """All that the daemon answers until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(sent)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("case", HTTP)
def test_hostile_http(daemon, case):
    raw, status, words = HTTP[case]
    auth = f"Authorization: Bearer {daemon.client.api_token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    for name, value in ((b"%(requests)s", REQUESTS.encode()), (b"%(auth)s", auth.encode()),
                        (b"%(size)x", b"%x" % len(FORM)), (b"%(size)d", b"%d" % len(FORM))):
        raw = raw.replace(name, value)
    answer = exchange(daemon.port, raw)
    if status == 0:
        assert answer == b""
        return
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:100]
    assert words in answer.partition(b"\r\n\r\n")[2], answer
    assert answer.count(b"HTTP/1.1 ") == 1, "one answer, whatever follows the first request"


def test_the_same_request_in_order_is_taken(daemon):
    """What the cut off ones above would have done, had they been whole."""
    query = b"GET %s?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n" % (
        REQUESTS.encode(), daemon.client.api_token.encode())
    assert exchange(daemon.port, query).startswith(b"HTTP/1.1 200 ")


def test_somebody_who_stops_in_mid_request_holds_nobody_up(daemon):
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=10) as idle:
        idle.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert daemon.client.queue() == []


def test_a_body_that_is_far_too_large_holds_nobody_up(daemon):
    with pytest.raises((ApiError, OSError)) as refused:
        daemon.client.submit(command=["true"], properties={"x": "y" * (5 << 20)})
    assert not isinstance(refused.value, ApiError) or refused.value.status == 413


def fields(**attributes):
    return {"container_request": json.dumps({"command": ["true"], **attributes})}


@pytest.mark.parametrize("form, words", [
    ({"container_request": "{"}, "container_request: "), ({"container_request": "[]"}, "container_request: "),
    ({"container_request": "[" * 1000 + "]" * 1000}, "container_request: "), ({"container_request": "5"}, "container_request: "),
    ({"container_request": '{"state": "Committed"}'}, "command: "),
    (fields(command="true"), "command: "), (fields(command=[1]), "command"), (fields(command=["a\0b"]), "command"),
    (fields(priority=-1), "priority: "), (fields(priority=1001), "priority: "), (fields(priority="high"), "priority: "),
    (fields(runtime_constraints={"ram": 1e300}), "runtime_constraints.ram: "),
    (fields(runtime_constraints={"ram": -1}), "runtime_constraints.ram: "),
    (fields(runtime_constraints={"vcpus": "many"}), "runtime_constraints.vcpus: "),
    (fields(runtime_constraints={"speed": 1}), "runtime_constraints.speed: "),
    (fields(scheduling_parameters={"max_run_time": 0.5}), "scheduling_parameters.max_run_time: "),
    (fields(mounts=[1]), "mounts"), (fields(environment={"A=B": "c"}), "environment"),
    (fields(state="Running"), "state: "), (fields(container_count_max=0), "container_count_max: "), (fields(colour="red"), "colour: "),
])
def test_bad_requests_are_refused_with_the_field_named(daemon, form, words):
    with pytest.raises(ApiError) as refused:
        daemon.client.api("POST", REQUESTS, form)
    assert refused.value.status == 422
    error = json.loads(refused.value.body)["errors"][0]
    assert error.startswith(words), error
    assert len(error) < 300


def test_a_form_without_the_parameter(daemon):
    with pytest.raises(ApiError) as refused:
        daemon.client.api("POST", REQUESTS, {"state": "Committed"})
    assert refused.value.status == 422 and "container_request: missing parameter" in refused.value.body
