"""Time-stamp authorities: whom the client believes, whom it asks next, and for how long."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.certificates import self_signed
from tests.command import KEYS
from tests.stamper import Stamper, query_for, refusal, with_other_data, with_other_nonce
from tests.tsa import FAULTS, RETRY_AFTER, TSA_KEYS, Fault, LocalTsa
from trustkit.timestamps import NoStampError, address, stamping
from trustkit.timestamps.authorities import Authorities
from trustkit.timestamps.authority import Authority
from trustkit.timestamps.judge import judge
from trustkit.timestamps.relay import open_relay
from trustkit.tokens import TokenError, read_reply, read_token

QUERY = query_for(b"a signature")
STAMPER = Stamper(TSA_KEYS)
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SHORT = 0.6  # seconds given to an authority, where it is to take them all
SLOW_FAULTS = {"hangs", "drips"}
SAID: dict[Fault, str] = {
    "down": "refuses connections",
    "garbage": "no time-stamp response",
    "status_500": "answered 500",
    "status_404": "answered 404",
    "hangs": "did not answer within",
    "resets": "broke the connection off",
    "drips": "did not answer within",
    "cut_short": "broke the connection off",
    "wrong_type": "answered with text/html",
    "oversized": "answered more than",
    "redirects": "redirects are not followed",
    "busy": f"left alone for {RETRY_AFTER} seconds",
    "refuses": "the clock is being set",
    "wrong_nonce": "wrong nonce",
    "wrong_imprint": "for other data",
    "stale": "the stamp says",
}


@contextmanager
def asking(
    *authorities: LocalTsa, seconds: float = 5.0, budget: float = 25.0
) -> Iterator[Authorities]:
    with closing(Authorities([one.url for one in authorities], seconds, budget=budget)) as opened:
        yield opened


# What is no stamp


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x30\x80",
        b"<html>",
        refusal("no"),
        STAMPER.reply(with_other_nonce(QUERY), NOW),
        STAMPER.reply(with_other_data(QUERY), NOW),
        STAMPER.reply(QUERY, NOW + timedelta(minutes=6)),
        STAMPER.reply(QUERY, NOW - timedelta(minutes=6)),
    ],
)
def test_a_reply_that_is_not_the_stamp_asked_for_is_not_believed(reply: bytes) -> None:
    with pytest.raises(TokenError):
        judge(reply, QUERY, NOW)


def test_a_certificate_for_something_else_stamps_nothing() -> None:
    stranger = Stamper(KEYS / "signer/ps256")
    with pytest.raises(TokenError, match="not for time stamping"):
        judge(stranger.reply(QUERY, NOW), QUERY, NOW)


def test_one_changed_bit_of_a_token_is_noticed_wherever_it_matters() -> None:
    reply = STAMPER.reply(QUERY, NOW)
    before = judge(reply, QUERY, NOW)
    for at in range(0, len(reply), 7):
        changed = bytearray(reply)
        changed[at] ^= 0x01
        try:
            token = judge(bytes(changed), QUERY, NOW)
        except TokenError:
            continue
        # What no signature covers may change; what is said may not.
        assert (token.at, token.imprint, token.nonce) == (before.at, before.imprint, before.nonce)


def test_a_token_with_too_many_certificates_or_none_is_refused() -> None:
    from asn1crypto import tsp

    for certificates in ([], [STAMPER.parsed] * 40):
        response = tsp.TimeStampResp.load(STAMPER.reply(QUERY, NOW))
        token = response["time_stamp_token"]
        token["content"]["certificates"] = certificates
        with pytest.raises(TokenError, match="certificate"):
            read_token(token.dump(force=True))


def test_a_good_reply_says_when_and_by_whom() -> None:
    token = judge(STAMPER.reply(QUERY, NOW), QUERY, NOW + timedelta(minutes=4))
    assert token.at == NOW
    assert token.covers(b"a signature")
    assert not token.covers(b"another")
    assert read_reply(STAMPER.reply(QUERY, NOW)).certificates == token.certificates


@pytest.mark.parametrize(
    "text",
    ["", "ftp://a/", "http://", "a.example", "http://u:secret@a.example/", "http://a:port/",
     "http://a.example/ b", "http://a.example/\n"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_a_password(text: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        address(text)
    assert "secret" not in str(caught.value)


# One that fails, and the next


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_the_first_does_the_second_stamps(fault: Fault) -> None:
    seconds = SHORT if fault in SLOW_FAULTS else 5.0
    with (
        LocalTsa.failing(fault) as bad,
        LocalTsa() as good,
        asking(bad, good, seconds=seconds) as all_,
    ):
        begin = time.monotonic()
        given, failed = all_.stamp(QUERY)
        took = time.monotonic() - begin
        again, _ = all_.stamp(QUERY)
        count = bad.count

    assert given.authority == again.authority == good.url
    assert [one.authority for one in failed] == [bad.url]
    assert SAID[fault] in failed[0].reason
    assert count <= 1  # who failed is not asked while another answers
    assert took < SHORT + 3


@pytest.mark.parametrize("fault", FAULTS)
def test_alone_it_gives_no_stamp_and_what_it_did_is_said(fault: Fault) -> None:
    seconds = SHORT if fault in SLOW_FAULTS else 5.0
    with (
        LocalTsa.failing(fault) as bad,
        asking(bad, seconds=seconds) as all_,
        pytest.raises(NoStampError) as caught,
    ):
        all_.stamp(QUERY)
    assert SAID[fault] in caught.value.message
    assert bad.url in caught.value.message
    assert "name another" in caught.value.hint


def test_a_passing_weakness_is_tried_once_more_and_no_oftener() -> None:
    with LocalTsa.failing("status_500") as tsa, asking(tsa) as all_:
        with pytest.raises(NoStampError):
            all_.stamp(QUERY)
        assert tsa.count == 2


def test_a_refusal_is_not_repeated() -> None:
    with LocalTsa.failing("refuses") as tsa, asking(tsa) as all_:
        with pytest.raises(NoStampError):
            all_.stamp(QUERY)
        assert tsa.count == 1


def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    with LocalTsa.failing("busy") as tsa, asking(tsa) as all_:
        for _ in range(3):
            with pytest.raises(NoStampError, match="left alone"):
                all_.stamp(QUERY)
        tsa.heal()
        with pytest.raises(NoStampError, match="not asked again for"):
            all_.stamp(QUERY)
        assert tsa.count == 1


def test_after_three_failures_running_it_is_not_asked_for_a_while() -> None:
    with LocalTsa.failing("refuses") as tsa, asking(tsa) as all_:
        for _ in range(6):
            with pytest.raises(NoStampError):
                all_.stamp(QUERY)
        assert tsa.count == 3


def test_who_is_well_again_is_believed_again() -> None:
    with LocalTsa.failing("refuses") as tsa, asking(tsa) as all_:
        with pytest.raises(NoStampError):
            all_.stamp(QUERY)
        tsa.heal()
        given, failed = all_.stamp(QUERY)
    assert given.authority == tsa.url
    assert failed == ()


def test_all_hanging_together_take_no_longer_than_the_budget() -> None:
    with (
        LocalTsa.failing("hangs") as one,
        LocalTsa.failing("hangs") as two,
        asking(one, two, seconds=5.0, budget=1.0) as all_,
    ):
        begin = time.monotonic()
        with pytest.raises(NoStampError):
            all_.stamp(QUERY)
        assert time.monotonic() - begin < 2


def test_stamp_after_stamp_goes_over_one_connection() -> None:
    with LocalTsa.fast() as tsa, asking(tsa) as all_:
        for _ in range(10):
            all_.stamp(QUERY)
        assert (tsa.count, tsa.connections) == (10, 1)


def test_a_connection_closed_meanwhile_is_opened_again() -> None:
    with LocalTsa.fast() as tsa, asking(tsa) as all_:
        all_.stamp(QUERY)
        tsa.drop_connections()
        _, failed = all_.stamp(QUERY)
        assert failed == ()
        assert tsa.connections == 2


# The line to it


def test_an_authority_is_asked_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with LocalTsa.fast() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:secret@"))
        with closing(Authorities(["http://tsa.example.org/tsr"], 5.0)) as all_:
            given, _ = all_.stamp(QUERY)
        assert given.authority == "http://tsa.example.org/tsr"
        assert proxy.count == 1
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:9/")
    with closing(Authorities(["http://tsa.example.org/tsr"], 5.0)) as all_:
        with pytest.raises(NoStampError, match=r"through the proxy 127\.0\.0\.1") as caught:
            all_.stamp(QUERY)
        assert "secret" not in caught.value.message
    monkeypatch.setenv("no_proxy", "tsa.example.org")
    assert Authority.at("http://tsa.example.org/tsr").proxy == ""


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        reply = STAMPER.reply(query)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        pass


def test_over_tls_only_a_certificate_that_holds_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = self_signed(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), _Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"https://localhost:{server.server_port}/"
    try:
        with (
            closing(Authorities([url], 5.0)) as all_,
            pytest.raises(NoStampError, match="TLS certificate does not hold"),
        ):
            all_.stamp(QUERY)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        with closing(Authorities([url], 5.0)) as all_:
            assert all_.stamp(QUERY)[0].authority == url
    finally:
        server.shutdown()
        server.server_close()


# The relay


def test_without_authorities_nothing_is_opened() -> None:
    with stamping(()) as relay:
        assert relay is None


def _post(port: int, path: str, body: bytes, length: int | None = None) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        size = len(body) if length is None else length
        head = f"POST {path} HTTP/1.0\r\nContent-Length: {size}\r\n\r\n"
        line.sendall(head.encode() + body)
        told = b""
        while chunk := line.recv(65536):
            told += chunk
    return told


def test_the_relay_answers_only_who_knows_its_path() -> None:
    with LocalTsa.fast() as tsa, open_relay([tsa.url]) as relay:
        port = int(relay.host.rpartition(":")[2])
        path = "/" + relay.url.rpartition("/")[2]
        assert b" 404 " in _post(port, "/", QUERY).splitlines()[0]
        assert b" 404 " in _post(port, path[:-1], QUERY).splitlines()[0]
        assert b" 413 " in _post(port, path, b"", 10**9).splitlines()[0]
        assert tsa.count == 0
        assert b" 200 " in _post(port, path, QUERY).splitlines()[0]
        assert [one.authority for one in relay.given] == [tsa.url]
        relay.start()
        assert relay.given == ()


def test_each_relay_has_another_path_and_is_gone_when_it_is_left() -> None:
    with LocalTsa.fast() as tsa:
        with open_relay([tsa.url]) as one, open_relay([tsa.url]) as two:
            assert one.url.rpartition("/")[2] != two.url.rpartition("/")[2]
            port = int(one.host.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            _post(port, "/", QUERY)
