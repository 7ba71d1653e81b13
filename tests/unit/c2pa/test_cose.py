"""Hostile manifest stores: whatever the bytes, the reader of signatures only says CoseError."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import cbor2
import pytest
from c2pa import Reader
from hypothesis import given
from hypothesis import strategies as st

from trustkit.c2pa.cose import CoseError, read_signature

LABEL = "urn:c2pa:x"


@pytest.fixture(scope="module")
def store(signed_folder: Path) -> tuple[bytes, str]:
    with Reader(str(signed_folder / "scene.jpg")) as reader:
        label = json.loads(reader.json())["active_manifest"]
        out = io.BytesIO()
        reader.resource_to_stream(f"self#jumbf=/c2pa/{label}/c2pa.claim", out)
    return out.getvalue(), label


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def labelled(label: str, *inside: bytes) -> bytes:
    description = box(b"jumd", bytes(16) + b"\x03" + label.encode() + b"\0")
    return box(b"jumb", description + b"".join(inside))


def store_of(signature: bytes) -> bytes:
    return labelled("c2pa", labelled(LABEL, labelled("c2pa.signature", box(b"cbor", signature))))


def read_or_refuse(data: bytes, label: str) -> None:
    with contextlib.suppress(CoseError):
        read_signature(data, label)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CoseError):
        read_signature(data, LABEL)


@given(st.binary(max_size=200))
def test_random_bytes_for_a_signature_are_refused(data: bytes) -> None:
    with pytest.raises(CoseError):
        read_signature(store_of(data), LABEL)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES, _VALUES)
def test_any_cbor_in_any_place_is_refused_or_read(protected: object, value: object) -> None:
    header = cbor2.dumps({33: value, "sigTst2": value, "pad": value})
    for sign1 in (value, [header, {}, None, b""], [b"", {33: value}, None, b""]):
        read_or_refuse(store_of(cbor2.dumps(sign1)), LABEL)
        read_or_refuse(store_of(cbor2.dumps(cbor2.CBORTag(18, sign1))), LABEL)
    read_or_refuse(store_of(cbor2.dumps([cbor2.dumps(protected), value, value, value])), LABEL)


def test_a_store_cut_short_anywhere_is_refused(store: tuple[bytes, str]) -> None:
    data, label = store
    for end in range(0, len(data), 97):
        with pytest.raises(CoseError):
            read_signature(data[:end], label)


@given(st.data())
def test_a_store_with_bytes_changed_is_refused_or_read(
    store: tuple[bytes, str], data: st.DataObject
) -> None:
    content, label = bytearray(store[0]), store[1]
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(content), label)


def test_another_label_and_an_empty_chain_are_refused(store: tuple[bytes, str]) -> None:
    with pytest.raises(CoseError):
        read_signature(store[0], "urn:c2pa:another")
    for chain in ([], b"", [b"\x30\x00"], [b"x"] * 17, 5, None):
        sign1 = [cbor2.dumps({33: chain}), {}, None, b""]
        with pytest.raises(CoseError):
            read_signature(store_of(cbor2.dumps(sign1)), LABEL)


def test_boxes_without_end_are_refused() -> None:
    nested = b""
    for _ in range(5000):
        nested = labelled("c2pa", nested)
    with pytest.raises(CoseError):
        read_signature(nested, LABEL)


def test_a_signature_too_large_is_refused() -> None:
    with pytest.raises(CoseError, match="too large"):
        read_signature(store_of(bytes(2**20 + 1)), LABEL)


def test_a_good_store_gives_the_chain_the_leaf_first(store: tuple[bytes, str]) -> None:
    signature = read_signature(*store)
    assert signature.chain[0].name == "trustkit TEST ONLY signer es256"
    assert len(signature.chain) == 2
    assert signature.stamp is None
