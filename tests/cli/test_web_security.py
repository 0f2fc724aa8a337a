# SPDX-License-Identifier: MIT
"""`ulma web` among hostile clients: what comes is refused or served, and it counts on."""

import contextlib
import json
import pathlib
import random
import re
import resource
import socket
import time

import pytest
from web_client import Answer, Live, serving

API = ["/", "/api/views", "/api/views/functions", "/api/report", "/metrics", "/events", "/live"]


@pytest.fixture(scope="module")
def server():
    with serving("--allow-host", "profiles.example") as started:
        started.ask("calls 10")
        yield started


@pytest.fixture(autouse=True)
def goes_on(server):
    """After each of these tests the server serves and the collector counts."""
    before = server.functions()["leaf"]["calls_per_s"]
    yield
    assert server.process.poll() is None
    server.ask("calls 1000")
    report = server.get("/api/report")
    assert report["events"]["lost"] == 0
    assert before >= 0


@pytest.mark.parametrize("path", API)
def test_no_token_no_answer(server, path):
    wrong = server.token[:-1] + ("a" if server.token[-1] != "a" else "b")
    assert server.request(path, token=False).status == 401
    for token in (wrong, server.token[:-1], server.token + "a", "x", "x" * 200):
        answer = server.request(path, token=token)
        assert answer.status == 401, token
        assert answer.json()["error"]
    assert server.request(f"{path}?token={wrong}", token=False).status == 401
    assert server.request(f"{path}?token=", token=False).status == 401
    assert server.token.encode() not in server.raw(
        f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
        + f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode()
    )


def test_the_token_as_header_and_as_query(server):
    assert server.request("/api/views").status == 200
    assert server.request(f"/api/views?token={server.token}", token=False).status == 200
    assert server.request(f"/?a=b&token={server.token}&c", token=False).status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9", 200),
        ("localhost:12345", 200),
        ("LocalHost", 200),
        ("localhost.:80", 200),
        ("[::1]", 200),
        ("[::1]:8562", 200),
        ("profiles.example", 200),
        ("profiles.example:443", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:80", 403),
        ("127.0.0.1@evil.example", 403),
        ("localhost:80@evil", 403),
        ("localhost:", 403),
        ("localhost:123456", 403),
        ("127.0.0.2", 403),
        ("[::2]", 403),
        ("[::1", 403),
        ("", 400),
        (None, 400),
    ],
)
def test_foreign_names(server, host, status):
    assert server.request("/api/views", Host=host).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://{host}", 200),
        ("http://profiles.example", 200),
        ("https://profiles.example:444", 200),
        ("http://evil.example", 403),
        ("http://localhost:1", 403),
        ("https://127.0.0.1", 403),
        ("null", 403),
        ("file://{host}", 403),
        ("http://{host}.evil.example", 403),
        ("http://evil.example/{host}", 403),
    ],
)
def test_pages_of_other_sites(server, origin, status):
    origin = origin.format(host=server.host)
    assert server.request("/api/views", Origin=origin).status == status
    with Live(server, Origin=origin) as live:
        assert live.answer.status == (101 if status == 200 else status)


def test_what_every_answer_says(server):
    for path in ("/", "/api/views", "/nothing"):
        headers = server.request(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


def test_the_pages_own_files_get_the_token(server):
    page = server.request("/").body.decode()
    for address in re.findall(r'(?:src|href)="(\.?/?assets/[^"]*)"', page):
        assert address.endswith(f"?token={server.token}")
        assert server.request("/" + address.removeprefix("./"), token=False).status == 200
        assert (
            server.request("/" + address.split("?")[0].removeprefix("./"), token=False).status
            == 401
        )


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/assets/../index.html",
        "/./index.html",
        "/index.html%00.js",
        "/assets/",
        "/assets",
        "/etc/passwd",
        "/proc/self/environ",
        "/api/views/../report",
        "/api/views/",
        "/api/views/functions%2f..",
        "/api/views/%s%n%x",
        "/" + "a" * 255,
        "/%",
        "/%zz",
        "/\\..\\..\\etc\\passwd",
    ],
)
def test_paths_lead_nowhere(server, path):
    answer = server.request(path)
    assert answer.status in (400, 404, 414), answer.body
    assert b"root:" not in answer.body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1 \r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\n\n", 400),
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", 400),
        (b"* / HTTP/1.1\r\n\r\n", 405),
        (b"GET /\x80 HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n: b\r\n\r\n", 400),
        (b"POST /api/switch HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST /api/switch HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /api/switch HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
        (b"POST /api/switch HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 413),
        (b"POST /api/switch HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST /api/switch HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 20000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * 300 + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
    ],
    ids=range(26),
)
def test_requests_that_are_none(server, request_bytes, status):
    request_bytes = request_bytes.replace(b"* / HTTP", b"BREW / HTTP")
    if status == 405:
        head = f"Host: {server.host}\r\nAuthorization: Bearer {server.token}\r\nConnection: close"
        request_bytes = request_bytes[:-2] + head.encode() + b"\r\n\r\n"
    assert Answer(server.raw(request_bytes)).status == status


def test_one_connection_many_requests(server):
    head = f"Host: {server.host}\r\nAuthorization: Bearer {server.token}\r\n".encode()
    one = b"GET /api/views HTTP/1.1\r\n" + head + b"\r\n"
    last = b"GET /api/views HTTP/1.1\r\n" + head + b"Connection: close\r\n\r\n"
    assert server.raw(one * 20 + last).count(b"HTTP/1.1 200 OK") == 21


def test_a_request_that_drips_is_ended(server):
    """A byte a second keeps no place: the request must be whole in ten seconds."""
    with server.connect() as connection:
        begin = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
        connection.settimeout(0.5)
        while True:
            try:
                if not connection.recv(1):
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
            try:
                connection.sendall(b"a")
            except (BrokenPipeError, ConnectionResetError):
                break
            assert time.monotonic() - begin < 60


def test_a_thousand_connections(server):
    """Most wait without a word. Whoever has the token is still served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    silent = []
    try:
        for number in range(1000):
            connection = socket.create_connection((server.name, server.port), timeout=60)
            silent.append(connection)
            if number % 100 == 0:
                assert server.request("/api/views").status == 200
        with Live(server) as live:
            assert live.message()["view"]["id"] == "functions"
    finally:
        for connection in silent:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_frames_that_are_none(server):
    for send, code in (
        (lambda live: live.send_frame(0x81, b"{}", mask=b""), 1002),
        (lambda live: live.send_frame(0xC1, b"{}"), 1002),
        (lambda live: live.send_frame(0x83, b"{}"), 1002),
        (lambda live: live.send_frame(0x80, b"{}"), 1002),
        (lambda live: live.send_frame(0x09, b"a"), 1002),
        (lambda live: live.send_frame(0x89, b"a" * 126), 1002),
        (lambda live: live.send_frame(0x81, b"a", length=2**62), 1009),
        (lambda live: live.send_frame(0x81, b" " * 70000), 1009),
        (lambda live: (live.send_frame(0x01, b"a"), live.send_frame(0x81, b"b")), 1002),
        (
            lambda live: [live.send_frame(0x01, b" " * 60000), live.send_frame(0x80, b" " * 60000)],
            1009,
        ),
        (lambda live: live.send_frame(0x88, b"\x03\xe8"), 1001),
    ):
        with Live(server) as live:
            send(live)
            assert live.close_code() == code


def test_wishes_that_are_none(server):
    with Live(server) as live:
        for text in (
            "",
            "[]",
            "{",
            '{"view": "nothing"}',
            '{"window": 7}',
            '{"limit": -1}',
            "[" * 60000,
        ):
            live.send_frame(0x81, text.encode())
            assert "error" in live.until(lambda message: "error" in message)
        live.send_frame(0x81, b"\xff\xfe{}")
        assert "error" in live.until(lambda message: "error" in message)
        live.send_frame(0x01, b'{"view": ')
        live.send_frame(0x89, b"ping between")
        live.send_frame(0x80, b'"threads"}')
        live.until(lambda message: message.get("view", {}).get("id") == "threads")


def test_a_client_that_never_reads(server):
    """Others get their messages meanwhile, and the server keeps no queue for it."""
    stopped = [Live(server, pongs=False) for _ in range(5)]
    try:
        for one in stopped:
            one.wish(view="tree", window="all", limit=0)
        with Live(server) as live:
            for _ in range(30):
                live.message()
        statm = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text()
        pages = int(statm.split()[1])
        assert pages * resource.getpagesize() < 400 << 20
    finally:
        for one in stopped:
            one.close()


def test_whoever_comes_back_gets_the_newest(server):
    """A client that has stopped to answer has at most two messages under way."""
    with Live(server) as live:
        live.message()
        live.message()
        live.pongs = False
        got = 0
        live.socket.settimeout(1.5)
        with pytest.raises(TimeoutError):
            while True:
                got += live.frame()[0] == 1
        assert got <= 3
        server.ask("calls 5")
        newest = server.get("/api/report")["target"]["duration_ns"]
        live.socket.settimeout(60)
        live.send_frame(0x8A, b"")
        live.send_frame(0x8A, b"")
        live.pongs = True
        assert live.message()["now_ns"] >= newest


def test_the_switch_takes_no_nonsense(server):
    for body in (
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"on": 1}',
        b'{"events": "calls"}',
        b'{"events": [1]}',
        b'{"only": ["a,b"]}',
        b'{"only": ["a\\nset"]}',
        b'{"budget": -1}',
        b'{"events": ["no"]}',
        b'{"budget": "5"}',
        b'{"a":' * 100,
    ):
        answer = server.request("/api/switch", method="POST", body=body)
        assert answer.status == 400, (body, answer.body)
        assert json.loads(answer.body)["error"]
    assert server.request("/api/switch").status == 405
    assert server.request("/api/switch", method="PUT").status == 405


def mutated(chance, data):
    """The bytes with some of them changed, doubled, left out, or cut off."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(out) + 1)
        how = chance.randrange(5)
        if how == 0 and at < len(out):
            out[at] = chance.randrange(256)
        elif how == 1:
            out[at:at] = bytes(chance.choices(b"\r\n\0 :;%&=\xff\x80A0", k=chance.randint(1, 300)))
        elif how == 2:
            del out[at : at + chance.randint(1, 40)]
        elif how == 3:
            out[at:at] = out[: chance.randint(1, len(out) + 1)]
        elif len(out) > 1:
            del out[max(1, at) :]
    return bytes(out)


def test_requests_that_chance_has_made(server):
    chance = random.Random(20)
    head = f"Host: {server.host}\r\nAuthorization: Bearer {server.token}\r\n"
    body = b'{"events": ["gc"], "only": ["a:b"], "budget": 5}'
    # What switches has no token, so that the target stays as it is.
    post = f"POST /api/switch HTTP/1.1\r\nHost: {server.host}\r\n"
    post += f"Content-Length: {len(body)}\r\n\r\n"
    seeds = [
        f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
        for path in (
            "/api/views/functions?window=1&sort=self&limit=5",
            "/api/views/timeline?from=0.1&to=9.5&columns=100&function=3&calls=5",
            "/api/source?function=5",
            "/assets/page.js",
            "/metrics",
        )
    ] + [post.encode() + body]
    for _ in range(400):
        data = b"".join(mutated(chance, chance.choice(seeds)) for _ in range(chance.randint(1, 3)))
        with server.connect() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def test_frames_that_chance_has_made(server):
    chance = random.Random(21)
    wishes = [
        b'{"view": "functions", "window": "1", "filter": "leaf", "limit": 3}',
        b'{"view": "timeline", "from": "0.5", "to": "1.5", "columns": 77}',
        b'{"view": "flame", "function": 1e300, "to": -1, "clock": "cpu"}',
    ]
    for _ in range(60):
        with Live(server) as live, contextlib.suppress(ConnectionError):
            for _ in range(chance.randint(1, 6)):
                payload = mutated(chance, chance.choice(wishes))
                size = chance.choice((None, None, None, 0, 1, 125, 70000, 2**63 - 1, 2**64 - 1))
                first = chance.choice((0x81, 0x81, 0x81, 0x80, 0x01, 0x82, 0x89, 0x8A, 0xFF))
                mask = chance.choice((b"\1\2\3\4", b"\0\0\0\0", b""))
                live.send_frame(first, payload, mask=mask, length=size)
            live.socket.shutdown(socket.SHUT_WR)
            while live.socket.recv(65536):
                pass
