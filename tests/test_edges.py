"""What comes in from outside, byte by byte: what is refused and in which words, and that nobody is kept waiting."""

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from support_needs import need
from support_serve import PATIENCE, SERVE_IMPATIENTLY, Served, end, read_answer, read_to_the_end, start
from support_signin import SHARED

CORPORA = SHARED / "corpora"
HINT = "put the shared folder beside the checkout, or set HALLWAY_SHARED"
HOST = b"Host: HOST\r\n"
LOGOUT = b"POST /auth/backchannel-logout HTTP/1.1\r\n" + HOST  # reads a body, and lets in everybody
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"Connection: close\r\n"
UNREADABLE = b"This request is not written in a way that we read.\n"
NOT_OURS = b"This address is not served here.\n"
TOO_LARGE = b"That is too large. Send less at a time.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for nobody longer than `IMPATIENT`."""
    data = tmp_path_factory.mktemp("edges")
    environ = {
        "HALLWAY_DATA_DIR": str(data),
        "HALLWAY_LOG_LEVEL": "error",
        "HALLWAY_OIDC_ISSUER": "https://127.0.0.1:9",  # it is asked for its keys, and is away
    }
    running = start(environ, SERVE_IMPATIENTLY)
    assert running.wait_until_open().startswith("Hallway is open")
    yield running
    end(running)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


REFUSED = {
    "no host": (b"GET / HTTP/1.1\r\n" + LAST + b"\r\n", 400, NOT_OURS),
    "no host, as HTTP/1.0 allows": (b"GET / HTTP/1.0\r\n\r\n", 400, NOT_OURS),
    "an empty host": (b"GET / HTTP/1.1\r\nHost:\r\n" + LAST + b"\r\n", 400, NOT_OURS),
    "another host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + LAST + b"\r\n", 400, NOT_OURS),
    "another port": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n" + LAST + b"\r\n", 400, NOT_OURS),
    "our host, twice": (b"GET / HTTP/1.1\r\n" + HOST + HOST + LAST + b"\r\n", 400, NOT_OURS),
    "a probe with two hosts": (b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + LAST + b"\r\n", 400, NOT_OURS),
    "a user before the host": (b"GET / HTTP/1.1\r\nHost: a@HOST\r\n" + LAST + b"\r\n", 400, NOT_OURS),
    "what a proxy would say": (
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: HOST\r\nForwarded: host=HOST\r\n" + LAST + b"\r\n",
        400,
        NOT_OURS,
    ),
    "a page with a body": (
        b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        400,
        b"A request for a page comes without a body.\n",
    ),
    "a page with a chunked body": (
        b"GET / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n",
        400,
        b"A request for a page comes without a body.\n",
    ),
    "two lengths": (LOGOUT + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 400, b""),
    "a list of lengths": (LOGOUT + b"Content-Length: 2, 2\r\n\r\nab", 400, b""),
    "a length with a sign": (LOGOUT + b"Content-Length: +2\r\n\r\nab", 400, b""),
    "a negative length": (LOGOUT + b"Content-Length: -2\r\n\r\nab", 400, b""),
    "a length beyond numbers": (LOGOUT + b"Content-Length: 99999999999999999999999\r\n\r\nab", 400, b""),
    "a coding that hides another": (LOGOUT + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, UNREADABLE),
    "a coding twice": (LOGOUT + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", 400, UNREADABLE),
    "an unknown coding": (LOGOUT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, b""),
    "a coding with a vertical tab": (LOGOUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400, b""),
    "a NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400, b""),
    "a NUL in the path": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400, b""),
    "a folded header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400, b""),
    "a space before the colon": (b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n", 400, b""),
    "a space before the headers": (b"GET / HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", 400, b""),
    "a carriage return alone": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n", 400, b""),
    "no version": (b"GET /\r\n\r\n", 400, b""),
    "a version of the future": (b"GET / HTTP/9.1\r\n" + HOST + b"\r\n", 400, b""),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, b""),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 404, b""),
    "another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, b""),
    "too many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100 + b"\r\n", 431, b""),
    "one long header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 200_000 + b"\r\n\r\n", 431, b""),
    "a long address": (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431, b""),
    "an address beyond any": (b"GET /" + b"a" * 65_535 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, b""),
    "a long form": (LOGOUT + FORM + b"Content-Length: 65537\r\n\r\n", 413, TOO_LARGE),
    "a form beyond memory": (LOGOUT + FORM + b"Content-Length: 1000000000000\r\n\r\n", 413, TOO_LARGE),
    "a long form that would wait": (LOGOUT + b"Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n", 413, TOO_LARGE),
    "a body cut in pieces that are none": (LOGOUT + FORM + CHUNKED + b"\r\nxyz\r\n", 400, b""),
    "a piece beyond numbers": (LOGOUT + FORM + CHUNKED + b"\r\nfffffffffffffffff\r\n", 400, b""),
    "a piece with a long remark": (LOGOUT + FORM + CHUNKED + b"\r\n1;" + b"a" * 30_000 + b"\r\na\r\n", 400, b""),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_in_plain_words_and_closes(server: Served, name: str) -> None:
    sent, expected, words = REFUSED[name]
    answer = server.exchange(sent)
    assert status(answer) == expected
    assert words in answer
    assert answer.count(b"HTTP/1.") == (1 if expected else 0)
    assert b"100 Continue" not in answer


ACCEPTED = {
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: HOST\nConnection: close\n\n",
    "HTTP/1.0 with a host": b"GET /healthz HTTP/1.0\r\n" + HOST + b"\r\n",
    "an address with a host of its own": b"GET http://evil.example/healthz HTTP/1.1\r\n" + HOST + LAST + b"\r\n",
    "a probe by address": b"GET /readyz HTTP/1.1\r\nHost: 10.0.0.7:8000\r\n" + LAST + b"\r\n",
    "an empty body": b"GET /sign-in HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n" + LAST + b"\r\n",
    "an offer of another protocol": b"GET /sign-in HTTP/1.1\r\n" + HOST + b"Upgrade: h2c\r\n" + LAST + b"\r\n",
    "an empty line before": b"\r\nGET /sign-in HTTP/1.1\r\n" + HOST + LAST + b"\r\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_answers_what_is_harmless(server: Served, name: str) -> None:
    answer = server.exchange(ACCEPTED[name])
    assert status(answer) == 200
    assert answer.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n" + CHUNKED, CHUNKED + b"Content-Length: 5\r\n"])
def test_leaves_no_room_for_a_second_request_in_a_body_of_two_lengths(server: Served, framing: bytes) -> None:
    """The server reads it as chunked, whoever stood before us may not have: nothing more is read from there."""
    hidden = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    answer = server.exchange(LOGOUT + FORM + framing + b"\r\n0\r\n\r\n" + hidden)
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.") == 1


def test_takes_a_chunked_form_up_to_its_cap(server: Served) -> None:
    piece = b"1000\r\n" + b"a" * 0x1000 + b"\r\n"
    within = server.exchange(LOGOUT + FORM + CHUNKED + LAST + b"\r\n", piece * 15, b"0\r\n\r\n")
    assert b"invalid_request" in within  # the page has read it
    beyond = server.exchange(LOGOUT + FORM + CHUNKED + b"\r\n", piece * 17)
    assert status(beyond) == 413


def test_says_that_a_body_is_too_large_to_those_who_send_on(server: Served) -> None:
    """A connection that is closed on somebody who still sends is reset, and the answer lost."""
    with server.connect() as connection:
        connection.sendall((LOGOUT + FORM + b"Content-Length: 900000\r\n\r\n").replace(b"HOST", server.host))
        assert select.select([connection], [], [], PATIENCE)[0]  # it has answered
        for _ in range(9):
            connection.sendall(b"a" * 100_000)
            time.sleep(0.02)
        answer = read_to_the_end(connection)
    assert status(answer) == 413
    assert answer.endswith(TOO_LARGE)


def test_does_not_take_half_a_form_for_a_whole_one(server: Served) -> None:
    with server.connect() as connection:
        half = LOGOUT + FORM + b"Content-Length: 100\r\n\r\nlogout_token=a"
        connection.sendall(half.replace(b"HOST", server.host))
        connection.shutdown(socket.SHUT_WR)
        answer = read_to_the_end(connection)
    assert b"invalid_request" not in answer  # the page would have said so


SLOW = {
    "says nothing": (b"", b""),
    "begins a request, and stops": (b"GET / HTTP/1.1\r\n", b""),
    "sends headers one by one": (b"GET / HTTP/1.1\r\n", b"X: a\r\n"),
    "keeps a connection": (b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n", b""),
    "keeps a connection, and begins again": (b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\nGET", b""),
    "begins a form, and stops": (LOGOUT + FORM + b"Content-Length: 100\r\n\r\na", b""),
    "sends a form byte by byte": (LOGOUT + FORM + b"Content-Length: 9999\r\n\r\n", b"a"),
    "sends a form piece by piece": (LOGOUT + FORM + CHUNKED + b"\r\n", b"1\r\na\r\n"),
    "sends a form that is refused byte by byte": (LOGOUT + FORM + b"Content-Length: 99999\r\n\r\n", b"a"),
}
COPIES = 10  # of each


def be_slow(server: Served, first: bytes, more: bytes, answers: list[bytes]) -> None:
    with server.connect() as connection:
        connection.sendall(first.replace(b"HOST", server.host))
        received = b""
        last = time.monotonic() + PATIENCE
        while time.monotonic() < last:
            try:
                if select.select([connection], [], [], 0.05)[0]:
                    part = connection.recv(65_536)
                    if not part:
                        break
                    received += part
                connection.sendall(more)
            except ConnectionError:
                break
        else:
            return  # it was not closed
        answers.append(received)


def test_closes_on_whoever_is_slow_and_answers_everybody_else(server: Served) -> None:
    answers: dict[str, list[bytes]] = {name: [] for name in SLOW}
    slow = [
        threading.Thread(target=be_slow, args=(server, *SLOW[name], answers[name]))
        for name in SLOW
        for _ in range(COPIES)
    ]
    for thread in slow:
        thread.start()
    others = 0
    while any(thread.is_alive() for thread in slow):
        assert server.get("/sign-in").status_code == 200
        others += 1
    assert {name: len(found) for name, found in answers.items()} == dict.fromkeys(SLOW, COPIES)
    assert others > 0
    for name in ("begins a form, and stops", "sends a form byte by byte", "sends a form piece by piece"):
        assert {status(answer) for answer in answers[name]} == {408}


def has_established(server: Served, connection: socket.socket) -> bool:
    """Whether the server's end of a connection is still open, by the kernel's own list."""
    ends = f":{server.port:04X}", f":{connection.getsockname()[1]:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
    return any((row[1][-5:], row[2][-5:], row[3]) == (*ends, "01") for row in rows)


def test_closes_on_whoever_does_not_read(server: Served) -> None:
    page = b"GET /static/hallway.css HTTP/1.1\r\n" + HOST + b"\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall((page * 200).replace(b"HOST", server.host))
        assert has_established(server, connection)
        last = time.monotonic() + PATIENCE
        while has_established(server, connection):  # it is not told; it would learn it if it went on
            assert time.monotonic() < last
            time.sleep(0.1)


def strings() -> list[str]:
    path = CORPORA / "blns" / "blns.json"
    need("shared corpora", path.is_file(), HINT)
    found: list[str] = json.loads(path.read_text())
    return found


def test_answers_the_big_list_of_naughty_strings_wherever_it_is_put(server: Served) -> None:
    unexpected = []
    with server.connect() as connection:
        for string in strings():
            raw = string.encode().translate(None, b"\r\n\0")
            tricks = [
                b"GET /invoices/" + quote(raw).encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n",
                b"GET /sign-in?next=" + quote(raw, safe="").encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n",
                b"GET /sign-in HTTP/1.1\r\n" + HOST + b"Cookie: __Host-session=" + quote(raw).encode() + b"\r\n\r\n",
                b"GET /sign-in HTTP/1.1\r\n" + HOST + b"Accept-Language: " + quote(raw).encode() + b"\r\n\r\n",
            ]
            for trick in tricks:
                connection.sendall(trick.replace(b"HOST", server.host))
                if status(read_answer(connection)) not in {200, 400, 401, 404}:
                    unexpected.append(trick)
    assert unexpected == []


def test_survives_the_big_list_of_naughty_strings_as_bytes(server: Served) -> None:
    """As they are: some are no HTTP. What is not refused is answered, and nothing is our mistake."""
    seen = set()
    for string in strings():
        raw = string.encode()
        seen.add(status(server.exchange(b"GET /sign-in HTTP/1.1\r\n" + HOST + b"X: " + raw + b"\r\n" + LAST + b"\r\n")))
        seen.add(status(server.exchange(b"GET /sign-in HTTP/1.1\r\nHost: " + raw + b"\r\n" + LAST + b"\r\n")))
        body = b"logout_token=" + raw
        seen.add(status(server.exchange(LOGOUT + FORM + LAST + b"Content-Length: %d\r\n\r\n" % len(body), body)))
    assert seen <= {0, 200, 400}
    assert server.get("/healthz").status_code == 200


def documents() -> list[Path]:
    folder = CORPORA / "json" / "parsing"
    need("shared corpora", folder.is_dir(), HINT)
    return sorted(folder.glob("*.json"))


def test_survives_hostile_json_in_a_body(server: Served) -> None:
    seen = set()
    for document in documents():
        for kind in (b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=a"):
            body = document.read_bytes()
            head = LOGOUT + LAST + b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
            seen.add(status(server.exchange(head, body)))
    assert seen == {400, 413}
