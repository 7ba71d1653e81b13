"""The reader of identity assertions meets bytes that mean harm."""

from __future__ import annotations

import time
from typing import Any

import cbor2
import pytest

from tests.command import AI, KEY, KEYS, MEDIA
from tests.conftest import Run
from tests.fuzz.mutations import Victim, mutate
from tests.identities import IDENTITY_KEY, found
from tests.tsa import LocalTsa
from trustkit.c2pa.certificates import read_certificate
from trustkit.c2pa.cose import CoseError, box, labels
from trustkit.c2pa.identity_fit import IDENTITY_EKUS, unfit_for_identity
from trustkit.c2pa.identity_read import (
    MAX_IDENTITIES,
    IdentityAssertion,
    Malformed,
    read_identities,
)
from trustkit.c2pa.identity_write import referenced
from trustkit.c2pa.profiles.lint import read_chain

MUTATIONS = 2000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> tuple[bytes, str]:
    out = tmp_path_factory.mktemp("store") / "out.jpg"
    who = ("--identity-key", IDENTITY_KEY, "--identity-role", "cawg.creator")
    options = ("--key", KEY, *AI, *who, "--no-soft-binding", "-q")
    with LocalTsa() as tsa:
        answer = quick("sign", MEDIA / "scene.jpg", "-o", out, *options, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    reading = found(out)
    return reading.store, reading.label


def test_no_mutation_breaks_the_reader(store: tuple[bytes, str]) -> None:
    data, label = store
    content = box(data, "c2pa", label, "c2pa.assertions", "cawg.identity")
    start = data.index(content)
    victim = Victim(data, range(start, start + len(content)), data[::-1])
    started = time.process_time()
    kinds: dict[type, int] = {}
    for number in range(MUTATIONS):
        for read in read_identities(mutate(victim, f"identity {number}"), label):
            kinds[type(read)] = kinds.get(type(read), 0) + 1
            if isinstance(read, Malformed):
                assert read.reason
    print(kinds, f"{time.process_time() - started:.1f} s")
    assert kinds[IdentityAssertion] > 100
    assert kinds[Malformed] > 100


def test_a_store_of_rubbish_has_one_malformed_identity_at_most() -> None:
    for rubbish in (b"", b"\0", b"\0\0\0\0", b"\0\0\0\x09jumb\0", bytes(1000)):
        assert all(isinstance(read, Malformed) for read in read_identities(rubbish, "urn:c2pa:x"))


def _boxed(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def _labelled(label: str, *contents: bytes) -> bytes:
    description = _boxed(b"jumd", bytes(16) + b"\x03" + label.encode() + b"\0")
    return _boxed(b"jumb", description + b"".join(contents))


def _store(assertions: list[bytes], claim: dict[str, Any]) -> bytes:
    held = _labelled("c2pa.assertions", *assertions)
    claimed = _labelled("c2pa.claim.v2", _boxed(b"cbor", cbor2.dumps(claim)))
    return _labelled("c2pa", _labelled("m", held, claimed))


def _one(**changes: Any) -> dict[str, Any]:
    reference = {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": b"1"}
    payload = {"referenced_assertions": [reference], "sig_type": "org.example.other"}
    return {"signer_payload": {**payload, **changes}, "signature": b"", "pad1": b""}


def _identity(value: Any, label: str = "cawg.identity") -> bytes:
    return _labelled(label, _boxed(b"cbor", cbor2.dumps(value)))


CLAIM = {"created_assertions": [_one()["signer_payload"]["referenced_assertions"][0]]}


def _read(*assertions: bytes, claim: dict[str, Any] | None = None) -> list[Any]:
    return read_identities(_store(list(assertions), claim or CLAIM), "m")


def test_a_sound_one_is_read_and_bound() -> None:
    (read,) = _read(_identity(_one(role=["cawg.creator"])))

    assert isinstance(read, IdentityAssertion)
    assert read.is_bound
    assert (read.roles, read.references) == (("cawg.creator",), ("c2pa.hash.data",))


def test_a_label_that_is_there_twice_is_malformed() -> None:
    (read,) = _read(_identity(_one()), _identity(_one()))

    assert isinstance(read, Malformed)
    assert "more than once" in read.reason


def test_too_many_are_not_read() -> None:
    many = [_identity(_one(), f"cawg.identity__{n}") for n in range(1, MAX_IDENTITIES + 3)]

    read = _read(*many)
    assert len(read) == MAX_IDENTITIES + 1
    assert isinstance(read[-1], Malformed)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"signer_payload": 1},
        _one(role="cawg.creator"),
        _one(role=[1]),
        _one(role=["r"] * 1000),
        _one(sig_type=None),
        _one(referenced_assertions=[{}]),
        _one(referenced_assertions=[{"url": 1, "hash": b""}]),
        _one(referenced_assertions=[{"url": "x/c2pa.hash.data", "hash": 1}]),
        _one(referenced_assertions=[{"url": "x", "hash": b""}] * 10_000),
        _one(sig_type="cawg.x509.cose"),
        _one(sig_type="cawg.identity_claims_aggregation"),
    ],
    ids=repr,
)
def test_what_is_not_as_it_should_be_is_malformed(value: Any) -> None:
    (read,) = _read(_identity(value))

    assert isinstance(read, Malformed)


def test_nesting_is_limited() -> None:
    deep = b"\x81" * 100_000 + b"\x01"
    (read,) = _read(_labelled("cawg.identity", _boxed(b"cbor", deep)))

    assert isinstance(read, Malformed)


def test_other_hashes_than_the_claims_do_not_bind() -> None:
    claim = {"gathered_assertions": [{"url": "x/c2pa.hash.data", "hash": b"2"}]}
    (read,) = _read(_identity(_one()), claim=claim)

    assert not read.is_bound
    assert "c2pa.hash.data" in read.problem


def test_names_that_only_look_like_it_are_no_identity() -> None:
    for label in ("cawg.identity.x", "cawg.identities", "org.cawg.identity", "cawg.identity__x"):
        assert not _read(_identity(_one(), label))


def test_statements_of_one_label_are_numbered() -> None:
    labelled = {"assertions": [{"label": "a"}, {"label": "b"}, {"label": "a"}]}

    assert referenced(labelled, 2) == (
        *("a", "b", "a__1"),
        *("c2pa.ingredient.v3", "c2pa.ingredient.v3__1"),
    )


@pytest.mark.parametrize(
    ("variant", "is_fit"),
    [("cawg", True), ("documentsigning-eku", True), ("claimsigning-eku", False), ("no-eku", False)],
)
def test_who_may_vouch_for_a_name(variant: str, is_fit: bool) -> None:
    leaf = read_chain((KEYS / "variants" / variant / "chain.pem").read_bytes(), variant)[0]

    assert bool(unfit_for_identity(read_certificate(leaf.der))) is not is_fit
    assert len(IDENTITY_EKUS) == 2


def test_boxes_are_found_by_their_labels() -> None:
    data = _store([_identity(_one())], CLAIM)

    assert labels(data, "c2pa", "m") == ["c2pa.assertions", "c2pa.claim.v2"]
    assert cbor2.loads(box(data, "c2pa", "m", "c2pa.claim.v2")) == CLAIM
    with pytest.raises(CoseError, match="there is no box other"):
        labels(data, "c2pa", "other")


def test_the_fixture_is_what_the_mutations_are_of(store: tuple[bytes, str]) -> None:
    (read,) = read_identities(*store)

    assert isinstance(read, IdentityAssertion)
    assert (read.is_bound, read.problem, read.stamp_problem) == (True, "", "")
    assert read.stamp is not None
