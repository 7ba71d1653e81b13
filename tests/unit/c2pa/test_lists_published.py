"""What a published list says, and what is refused of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trustlists import authority, entity, iptc, lote, pem, publishing, some, thumbprint, whole
from trustkit.c2pa.document import Kind
from trustkit.c2pa.published import read_published
from trustkit.c2pa.sources import SOURCES
from trustkit.c2pa.update import list_fetcher
from trustkit.errors import ConfigError, TrustkitError, UnreachableError

LEAF, CA = authority("Leaf", is_ca=False), authority("House 0")


def refused(*documents: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read_published(documents, "x")
    return caught.value.message


# Refusals


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ([{"kty": "EC", "x5t#S256": "short"}], "no SHA-256"),
        ([{"kty": "EC", "x5t#S256": "!" * 43}], "no SHA-256"),
        ([{"kty": "EC", "x5c": ["AAAA"]}], "cannot be read"),
        ([{"kty": "EC", "x5c": [""]}], "cannot be read"),
        ([{"kty": "EC", "x5c": []}], "x5c"),
        ([{"x5t#S256": thumbprint(LEAF.der)}], "kty"),
        ([{**whole(LEAF.der), "x5t#S256": thumbprint(CA.der)}], "not that of its certificate"),
    ],
)
def test_a_key_that_is_not_in_order_refuses_the_list(
    keys: list[dict[str, object]], words: str
) -> None:
    assert words in refused(iptc([entity("Desk", *keys)]))


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(iptc([entity("Desk", whole(LEAF.der))]))
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("last_updated"),
        lambda d: d.update(last_updated="soon"),
        lambda d: d.update(entities=[]),
        lambda d: d.update(entities={}),
        lambda d: d["entities"][0].pop("isCA"),
        lambda d: d["entities"][0].pop("display_name"),
        lambda d: d["entities"][0].update(display_name="x" * 400),
        lambda d: d["entities"][0].update(jwks=None),
    ],
)
def test_an_iptc_list_that_lacks_something_is_refused(
    change: Callable[[dict[str, Any]], object],
) -> None:
    assert "no good IPTC list" in refused(_changed(change))


def test_a_list_nobody_of_which_can_be_used_is_none() -> None:
    assert "no certificate" in refused(iptc([entity("Desk")]))
    assert "no certificate" in refused(b"# nothing yet\n")
    assert "no certificate" in refused(lote([], untrusted=[CA]))


def test_documents_that_disagree_are_refused_both_ways() -> None:
    assert "disagree" in refused(pem(some(3)), lote(some(2)))
    assert "disagree" in refused(pem(some(2)), lote(some(3)))
    assert "disagree" in refused(pem(some(3)), lote(some(2), untrusted=[authority("House 2")]))


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(content: bytes) -> None:
    for document in (content, b"{" + content, pem([CA]) + content, content + lote([CA])):
        with suppress(ConfigError):
            read_published([document], "x")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_VALUES, st.sampled_from(["LoTE", "entities"]))
def test_no_json_brings_it_down(value: object, key: str) -> None:
    with pytest.raises(TrustkitError):
        read_published([json.dumps({key: value}).encode()], "x")


# What counts


def test_a_list_of_trusted_entities_gives_names_dates_and_its_certificates() -> None:
    found = read_published([lote(some(3), number=4, untrusted=[authority("Out")])], "x")
    assert found.kinds == (Kind.LOTE,)
    assert (len(found.certificates), found.number) == (3, 4)
    assert found.issued == "2026-08-05T00:11:39Z"
    assert dict(found.entities)[CA.sha256] == "House 0 Inc."
    assert authority("Out").sha256 not in found.entries
    assert any("no longer trusted" in note for note in found.notes)


def test_times_are_told_in_utc_whatever_zone_they_are_in() -> None:
    found = read_published([lote([CA], issued="2026-08-05T02:11:39+02:00", next_update=None)], "x")
    assert (found.issued, found.next_update) == ("2026-08-05T00:11:39Z", "")


def test_an_iptc_list_keeps_the_expired_and_those_known_by_thumbprint() -> None:
    gone = authority("Gone", is_ca=False, days=-10)
    key = {"kty": "EC", "x5t#S256": thumbprint(b"someone")}
    document = iptc(
        [entity("Desk", whole(gone.der), key), entity("House", whole(CA.der), is_ca=True)]
    )
    found = read_published([document], "x")
    assert [c.der for c in found.certificates] == [gone.der, CA.der]
    assert len(found.digests) == 1
    assert dict(found.entities)[found.digests[0]] == "Desk"
    assert len(found.entries) == 3


def test_pem_in_x5c_is_read_too_and_a_certificate_told_twice_counts_once() -> None:
    key = {"kty": "EC", "x5c": [LEAF.pem.decode()]}
    again = {"kty": "EC", "x5t#S256": thumbprint(LEAF.der)}
    found = read_published([iptc([entity("Desk", key, again)])], "x")
    assert (len(found.certificates), found.digests) == (1, ())


def test_what_cannot_be_used_is_said_entry_by_entry() -> None:
    alone = {"kty": "EC", "x5t#S256": thumbprint(CA.der)}
    document = iptc(
        [
            entity("Good", whole(LEAF.der)),
            entity("Digest of a CA", alone, is_ca=True),
            entity("Hidden CA", whole(CA.der)),
            entity("Nothing", {"kty": "EC"}),
            entity("Empty"),
        ]
    )
    found = read_published([document], "x")
    assert [c.der for c in found.certificates] == [LEAF.der]
    for name in ("Digest of a CA", "Hidden CA", "Nothing", "Empty"):
        assert any(name in note for note in found.notes), name


def test_several_pem_files_are_one_list_and_one_may_be_empty_but_for_a_comment() -> None:
    found = read_published([b"# no anchors yet\n", pem([CA]), pem([CA, LEAF])], "x")
    assert len(found.certificates) == 2


def test_a_byte_order_mark_and_line_ends_of_windows_do_no_harm() -> None:
    assert read_published([b"\xef\xbb\xbf" + lote([CA])], "x").kinds == (Kind.LOTE,)
    assert len(read_published([pem([CA]).replace(b"\n", b"\r\n")], "x").certificates) == 1


# Who is asked


def test_a_published_address_is_never_asked_at_home(tmp_path: Path) -> None:
    with publishing(tmp_path) as publisher:
        publisher.files["list.pem"] = pem([CA])
        url = publisher.url("list.pem")
        with pytest.raises(UnreachableError, match="private address"):
            list_fetcher([url], is_named=False)(url)
        assert publisher.asked == []
    fetch = list_fetcher(SOURCES["c2pa"].urls, is_named=False)
    assert fetch.hosts == ("raw.githubusercontent.com",)
    with pytest.raises(UnreachableError, match="only plain https"):
        fetch("http://raw.githubusercontent.com/list.pem")
    with pytest.raises(UnreachableError, match="not among the hosts"):
        fetch("https://example.org/list.pem")


def test_a_thumbprint_is_base64_for_urls() -> None:
    assert "=" not in thumbprint(LEAF.der)
    assert base64.urlsafe_b64decode(thumbprint(LEAF.der) + "=").hex() == LEAF.sha256
