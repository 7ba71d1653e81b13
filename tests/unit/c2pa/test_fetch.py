"""Fetching a remote manifest: only when asked, from whom was named, and never from inside."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.webserver import BODY, LOOPBACK, Server, serving
from trustkit.c2pa.fetch import Fetcher, is_public, make_fetcher, resolve
from trustkit.errors import UnreachableError

PRIVATE = (
    "127.0.0.1",
    "127.8.8.8",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  # an address to refuse, not to bind
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:db8::1",
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def local(*hosts: str, **more: object) -> Fetcher:
    """A fetcher for which every name is this machine, which alone is allowed."""
    found = {"allow": LOOPBACK.__eq__, "resolve": lambda _host, _port: [LOOPBACK], **more}
    return Fetcher(hosts or ("*",), **found)  # type: ignore[arg-type]


def refused(fetch: Fetcher, url: str) -> str:
    with pytest.raises(UnreachableError) as caught:
        fetch(url)
    return caught.value.message


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "0"]
)
def test_this_machine_is_never_asked(server: Server, host: str) -> None:
    refused(make_fetcher(["*"]), server.url(host=host))
    assert server.asked == []


def test_a_name_that_means_a_private_address_is_not_asked(server: Server) -> None:
    for addresses in (["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], []):
        fetch = Fetcher(("*",), resolve=lambda _host, _port, found=addresses: found)
        assert "private" in refused(fetch, server.url())
    assert server.asked == []


def test_the_name_is_looked_up_once_so_a_second_answer_comes_too_late(server: Server) -> None:
    looked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        looked.append(host)
        return [LOOPBACK] if len(looked) == 1 else ["10.0.0.1"]

    assert local(resolve=rebinding)(server.url()) == BODY
    assert looked == ["press.example"]


def test_a_host_that_was_not_named_is_not_asked(server: Server) -> None:
    for hosts in (("other.example",), ("*.press.example",), ("example",), ("press.example.org",)):
        assert "not among the hosts" in refused(local(*hosts), server.url())
    assert server.asked == []


@pytest.mark.parametrize("host", ["a.press.example", "a.b.press.example"])
def test_a_star_means_any_host_below(server: Server, host: str) -> None:
    assert local("*.press.example")(server.url(host=host)) == BODY
    refused(local("*.press.example"), server.url(host="apress.example"))


@pytest.mark.parametrize("host", ["PRESS.example", "press.example."])
def test_a_name_is_one_name_however_it_is_written(server: Server, host: str) -> None:
    assert local("press.example")(server.url(host=host)) == BODY


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://press.example/x",
        "gopher://press.example/x",
        "press.example/x",
        "//press.example/x",
        "http://",
        "http:///x",
        "http://user@press.example/x",
        "http://user:secret@press.example/x",
        "http://press.example:0/x",
        "http://press.example:99999/x",
        "http://[::1/x",
        "http://press.example/a b",
        "http://press.example/\r\nX-Evil: 1",
        "",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    refused(local(), url)


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://[::1]/", "http://inner.example/"])
def test_a_redirect_inside_is_not_followed(server: Server, target: str) -> None:
    def resolving(host: str, _port: int) -> list[str]:
        return [LOOPBACK] if host == "press.example" else ["10.0.0.1"]

    assert "private" in refused(local(resolve=resolving), server.url(f"/to?{target}"))


def test_a_redirect_to_a_host_that_was_not_named_is_not_followed(server: Server) -> None:
    url = server.url(f"/to?{server.url(host='other.example')}")
    assert "not among the hosts" in refused(local("press.example"), url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://press.example/"])
def test_a_redirect_to_another_scheme_is_not_followed(server: Server, target: str) -> None:
    assert "http" in refused(local(), server.url(f"/to?{target}"))


@pytest.mark.parametrize("target", ["http://[::1", "//[", "http://a..b/"])
def test_a_redirect_to_no_address_is_a_refusal(server: Server, target: str) -> None:
    refused(local(resolve=resolve), f"http://{LOOPBACK}:{server.port}/to?{target}")


@pytest.mark.parametrize("host", ["a..b", ".press.example", "a" * 70 + ".example"])
def test_a_name_that_is_no_hosts_is_a_refusal(host: str) -> None:
    assert "not known" in refused(local(resolve=resolve), f"http://{host}/")


def test_a_path_that_is_not_ascii_is_a_refusal(server: Server) -> None:
    refused(local(), server.url("/\u00e9"))


@pytest.mark.parametrize("path", ["/nowhere", "/to?/nowhere"])
def test_redirects_in_a_circle_end(server: Server, path: str) -> None:
    assert "redirects" in refused(local(), server.url(path))
    assert len(server.asked) <= 5


def test_what_is_not_there_is_said(server: Server) -> None:
    assert "404" in refused(local(), server.url("/missing"))


def test_a_body_without_end_is_cut_off(server: Server) -> None:
    assert "100,000 bytes" in refused(local(max_bytes=100_000), server.url("/endless"))


@pytest.mark.parametrize(
    "path", ["/silent", "/slow-body", "/slow-head", "/slow-heads", "/slow-chunk"]
)
def test_a_slow_server_is_left_at_the_deadline(server: Server, path: str) -> None:
    start = time.monotonic()
    refused(local(max_seconds=0.5), server.url(path))
    assert time.monotonic() - start < 3


def test_nobody_listening_is_said() -> None:
    assert "does not answer" in refused(local(), "http://press.example:9/")


def test_a_manifest_is_fetched_through_a_redirect(server: Server) -> None:
    assert local("press.example")(server.url()) == BODY
    assert local("press.example")(server.url("/to?/ok")) == BODY
