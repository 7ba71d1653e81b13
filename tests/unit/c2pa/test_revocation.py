"""Revocation judged: only the issuer's key, of the right certificate, at the right time, counts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as x509_ocsp
from hypothesis import given
from hypothesis import strategies as st

from tests.ocsp import (
    DAY,
    GOOD,
    HOUR,
    LOOPBACK,
    NO_CHECK,
    OCSP_SIGNING,
    UNKNOWN,
    House,
    Identity,
    Reason,
    Responder,
    Said,
    eku,
    for_ocsp,
    house,
    issue,
    responding,
    revoked,
    utc_now,
)
from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.revocation import Moment, Refused, Statement, Why, Word, crl, ocsp
from trustkit.c2pa.revocation.asking import Asker
from trustkit.c2pa.revocation.status import Inquiry, inquire
from trustkit.errors import ConfigError

OURS = house()
OTHERS = house()
DELEGATE = issue("delegate", OURS.issuer, eku(OCSP_SIGNING), NO_CHECK)
MUTATIONS = 2000
NONCE = bytes(range(32))
REVOKED_ON = utc_now() - 10 * DAY


def certificate(one: Identity) -> Certificate:
    return read_certificate(one.der)


LEAF, ISSUER = certificate(OURS.leaf), certificate(OURS.issuer)


def moment(at: timedelta = timedelta()) -> Moment:
    return Moment(utc_now() + at, utc_now())


def judged(said: Said, at: timedelta = timedelta(), nonce: bytes | None = None) -> object:
    der = OURS.response(said, nonce)
    return ocsp.judge(der, LEAF, ISSUER, moment(at), "test", nonce)


def reason(answer: object) -> str:
    assert isinstance(answer, Refused), answer
    return answer.reason


# Who may say it


def by(signer: Identity, *certificates: Identity, **more: object) -> Said:
    return replace(GOOD, signer=signer, certificates=certificates, **more)


def delegate(*extensions: object, issuer: Identity = OURS.issuer, **more: object) -> Said:
    signer = issue("another delegate", issuer, *extensions, **more)  # type: ignore[arg-type]
    return by(signer, signer)


STRANGER = issue("ocsp issuer", None, is_ca=True)  # the issuer's name, another key
FORGERIES: dict[str, tuple[Callable[[], Said], str]] = {
    "wrong signer": (lambda: by(OTHERS.leaf, OTHERS.leaf), "not appointed"),
    "a signer who is not in it": (lambda: by(DELEGATE), "neither the issuer nor in it"),
    "the issuer's name and another key": (lambda: by(STRANGER), "issuer's signature on it"),
    "the same, and its certificate": (lambda: by(STRANGER, STRANGER), "not appointed"),
    "the signer itself": (lambda: by(OURS.leaf, OURS.leaf), "not meant to sign statuses"),
    "a delegate without the purpose": (delegate, "not meant to sign statuses"),
    "a delegate of another issuer": (
        lambda: delegate(eku(OCSP_SIGNING), issuer=OTHERS.issuer),
        "not appointed",
    ),
    "a delegate of the root, not of the issuer": (
        lambda: delegate(eku(OCSP_SIGNING), issuer=OURS.root),
        "not appointed",
    ),
    "a delegate of a delegate": (
        lambda: delegate(eku(OCSP_SIGNING), issuer=DELEGATE),
        "not appointed",
    ),
    "an expired delegate": (
        lambda: delegate(eku(OCSP_SIGNING), days=(-30, -1)),
        "not valid when it was made",
    ),
    "a delegate of tomorrow": (
        lambda: delegate(eku(OCSP_SIGNING), days=(1, 30)),
        "not valid when it was made",
    ),
    "a delegate that may not sign": (
        lambda: delegate(eku(OCSP_SIGNING), usage="key_agreement"),
        "not meant to sign",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("word", ["good", "revoked"])
def test_a_status_counts_only_from_whom_the_issuer_appointed(forgery: str, word: str) -> None:
    make, why = FORGERIES[forgery]
    said = make()
    if word == "revoked":
        lie = revoked(utc_now() - DAY, Reason.key_compromise)
        said = replace(lie, signer=said.signer, certificates=said.certificates)
    answer = judged(said)
    assert why in reason(answer)
    assert isinstance(answer, Refused)
    assert answer.why is Why.UNSOUND


@pytest.mark.parametrize("by_hash", [True, False])
@pytest.mark.parametrize("signer", [OURS.issuer, DELEGATE])
def test_the_issuer_and_its_delegate_are_heard(signer: Identity, *, by_hash: bool) -> None:
    certificates = () if signer is OURS.issuer else (DELEGATE,)
    answer = judged(by(signer, *certificates, by_hash=by_hash))
    assert isinstance(answer, Statement)
    assert (answer.says, answer.notes) == (Word.GOOD, ())


def test_a_delegate_whose_own_revocation_nobody_looked_up_is_noted() -> None:
    answer = judged(delegate(eku(OCSP_SIGNING)))
    assert isinstance(answer, Statement)
    assert "another delegate" in answer.notes[0]


def test_a_response_changed_in_any_signed_byte_does_not_count() -> None:
    der = bytearray(OURS.response(GOOD))
    at = der.index(OURS.leaf.certificate.serial_number.to_bytes(20, "big").lstrip(b"\0")[2:])
    der[at] ^= 1
    assert isinstance(ocsp.judge(bytes(der), LEAF, ISSUER, moment(), "test"), Refused)


def test_a_signature_with_a_hash_that_c2pa_does_not_know_does_not_count() -> None:
    now = utc_now()
    built = x509_ocsp.OCSPResponseBuilder().add_response(
        OURS.leaf.certificate, OURS.issuer.certificate, hashes.SHA256(),
        x509_ocsp.OCSPCertStatus.GOOD, now, now + DAY, None, None,
    )  # fmt: skip
    built = built.responder_id(x509_ocsp.OCSPResponderEncoding.NAME, OURS.issuer.certificate)
    der = built.sign(OURS.issuer.key, hashes.SHA224()).public_bytes(Encoding.DER)
    assert "signature" in reason(ocsp.judge(der, LEAF, ISSUER, moment(), "test"))


# Of which certificate


@pytest.mark.parametrize(
    "said",
    [
        Said(of=OTHERS.leaf),
        Said(of=OURS.issuer, under=OURS.root),
        Said(under=OTHERS.issuer),
        Said(hash_with=hashes.SHA224()),
    ],
    ids=["wrong serial", "the issuer's own", "wrong issuer", "a hash that is not read"],
)
def test_a_status_of_another_certificate_says_nothing(said: Said) -> None:
    answer = judged(said)
    assert "another certificate" in reason(answer)
    assert isinstance(answer, Refused)
    assert answer.why is Why.NONE


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_the_certificate_may_be_named_with_any_common_hash(digest: hashes.HashAlgorithm) -> None:
    assert isinstance(judged(Said(hash_with=digest)), Statement)


# When


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(this_update=-3 * DAY, next_update=-DAY), "held until"),
        (Said(this_update=-3 * DAY, next_update=None), "held until"),
        (Said(this_update=DAY, next_update=2 * DAY), "from the future"),
    ],
    ids=["stale", "without an end, and days old", "future"],
)
def test_a_status_of_another_time_does_not_count(said: Said, why: str) -> None:
    answer = judged(said)
    assert why in reason(answer)
    assert isinstance(answer, Refused)
    assert answer.why is Why.OLD


def test_a_status_need_not_be_newer_than_the_stamp_it_came_with() -> None:
    old = Said(this_update=-30 * DAY, next_update=-29 * DAY)
    assert isinstance(judged(old, -29.5 * DAY), Statement)
    assert isinstance(judged(old, -28 * DAY), Refused)
    assert isinstance(judged(old, -60 * DAY), Statement)  # not revoked later, so not before


def test_an_answer_just_asked_for_must_hold_now() -> None:
    old = Said(this_update=-30 * DAY, next_update=-29 * DAY)
    answer = judged(old, -29.5 * DAY, NONCE)
    assert "held until" in reason(answer)
    assert isinstance(answer, Refused)
    assert answer.was_asked


@pytest.mark.parametrize("minutes", [-9, 9])
def test_clocks_may_differ_by_minutes(minutes: int) -> None:
    shift = timedelta(minutes=minutes)
    end = None if minutes > 0 else shift
    start = shift if minutes > 0 else -DAY
    assert isinstance(judged(Said(this_update=start, next_update=end)), Statement)


# What it says


def test_revoked_stays_revoked_in_an_old_response_but_on_hold_does_not() -> None:
    old = {"this_update": -9 * DAY, "next_update": -8 * DAY}
    for nonce in (None, NONCE):
        said = judged(revoked(REVOKED_ON, Reason.superseded, **old), nonce=nonce)
        assert isinstance(said, Statement)
        held = judged(revoked(REVOKED_ON, Reason.certificate_hold, **old), nonce=nonce)
        assert isinstance(held, Refused)


def test_revoked_is_told_with_time_and_reason() -> None:
    at = utc_now() - 2 * DAY
    answer = judged(revoked(at, Reason.key_compromise))
    assert isinstance(answer, Statement)
    assert (answer.says, answer.revoked_at, answer.reason) == (Word.REVOKED, at, "keyCompromise")


def test_unknown_is_a_word_of_its_own() -> None:
    answer = judged(UNKNOWN)
    assert isinstance(answer, Statement)
    assert answer.says is Word.UNKNOWN


def test_another_nonce_is_an_answer_to_another_question() -> None:
    assert "another question" in reason(judged(Said(wrong_nonce=True), nonce=NONCE))
    assert isinstance(judged(Said(echoes_nonce=False), nonce=NONCE), Statement)
    assert isinstance(judged(GOOD, nonce=NONCE), Statement)


@pytest.mark.parametrize("status", [s for s in x509_ocsp.OCSPResponseStatus if s.value])
def test_a_responder_that_gives_no_answer_is_quoted(status: x509_ocsp.OCSPResponseStatus) -> None:
    built = x509_ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    der = built.public_bytes(Encoding.DER)
    assert "the responder" in reason(ocsp.judge(der, LEAF, ISSUER, moment(), "test"))


# Lists


def from_list(pem: bytes, at: timedelta = timedelta()) -> object:
    (one,) = crl.parse_lists(pem, "x.crl")
    return crl.judge(one, LEAF, ISSUER, moment(at))


LISTED = (OURS.leaf, REVOKED_ON, Reason.superseded, None)
POINT = x509.UniformResourceIdentifier("http://crl.example/1.crl")


def scope(**more: object) -> tuple[x509.ExtensionType, bool]:
    parts = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False,
        "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
        "only_contains_attribute_certs": False, **more,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**parts), True  # type: ignore[arg-type]


REFUSED_LISTS: dict[str, tuple[Callable[[], bytes], str, Why]] = {
    "of another issuer": (lambda: OURS.crl(issuer=OTHERS.root), "of another issuer", Why.NONE),
    "with the issuer's name and another key": (
        lambda: OURS.crl(signer=OTHERS.issuer),
        "signature on it",
        Why.UNSOUND,
    ),
    "that revokes, with another key": (
        lambda: OURS.crl(LISTED, signer=OTHERS.issuer),
        "signature on it",
        Why.UNSOUND,
    ),
    "stale": (lambda: OURS.crl(this_update=-9 * DAY, next_update=-DAY), "held until", Why.OLD),
    "of tomorrow": (
        lambda: OURS.crl(this_update=DAY, next_update=2 * DAY),
        "from the future",
        Why.OLD,
    ),
    "delta": (
        lambda: OURS.crl(extensions=((x509.DeltaCRLIndicator(1), True),)),
        "delta",
        Why.UNSOUND,
    ),
    "indirect": (
        lambda: OURS.crl(extensions=(scope(indirect_crl=True),)),
        "indirect",
        Why.UNSOUND,
    ),
    "of authorities only": (
        lambda: OURS.crl(extensions=(scope(only_contains_ca_certs=True),)),
        "other kinds",
        Why.NONE,
    ),
    "of some reasons": (
        lambda: OURS.crl(extensions=(scope(only_some_reasons=frozenset({Reason.superseded})),)),
        "some reasons",
        Why.UNSOUND,
    ),
    "of another part": (
        lambda: OURS.crl(extensions=(scope(full_name=[POINT]),)),
        "does not name",
        Why.NONE,
    ),
    "with a critical extension nobody knows": (
        lambda: OURS.crl(
            extensions=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"x"), True),)
        ),
        "critical extension",
        Why.UNSOUND,
    ),
}


@pytest.mark.parametrize("which", REFUSED_LISTS)
def test_a_list_that_does_not_count_is_never_read_as_not_revoked(which: str) -> None:
    make, words, why = REFUSED_LISTS[which]
    answer = from_list(make())
    assert words in reason(answer)
    assert isinstance(answer, Refused)
    assert answer.why is why
    assert answer.was_asked is (why is not Why.NONE)


def test_an_issuer_that_may_not_sign_lists_is_not_heard() -> None:
    root = issue("a root", None, is_ca=True)
    issuer = issue("an issuer", root, usage="key_agreement")
    odd = House(root, issuer, issue("a leaf", issuer))
    (one,) = crl.parse_lists(odd.crl(), "x.crl")
    answer = crl.judge(one, certificate(odd.leaf), certificate(issuer), moment())
    assert "may not sign revocation lists" in reason(answer)


def test_a_list_tells_who_is_on_it_and_who_is_not() -> None:
    since = REVOKED_ON - DAY
    answer = from_list(OURS.crl((OURS.leaf, REVOKED_ON, Reason.key_compromise, since)))
    assert isinstance(answer, Statement)
    assert (answer.says, answer.reason) == (Word.REVOKED, "keyCompromise")
    assert (answer.revoked_at, answer.from_when) == (REVOKED_ON, since)
    answer = from_list(OURS.crl((OTHERS.leaf, REVOKED_ON, None, None)))
    assert isinstance(answer, Statement)
    assert answer.says is Word.GOOD


def test_revoked_stays_revoked_in_an_old_list_but_on_hold_does_not() -> None:
    old = {"this_update": -9 * DAY, "next_update": -8 * DAY}
    assert isinstance(from_list(OURS.crl(LISTED, **old)), Statement)  # type: ignore[arg-type]
    held = (OURS.leaf, REVOKED_ON, Reason.certificate_hold, None)
    assert isinstance(from_list(OURS.crl(held, **old)), Refused)  # type: ignore[arg-type]
    assert isinstance(from_list(OURS.crl(held)), Statement)


def test_taken_off_the_list_is_not_revoked() -> None:
    answer = from_list(OURS.crl((OURS.leaf, REVOKED_ON, Reason.remove_from_crl, None)))
    assert isinstance(answer, Statement)
    assert answer.says is Word.GOOD


@pytest.mark.parametrize(
    "data", [b"", b"no list", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"]
)
def test_a_file_without_a_list_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"x\.crl"):
        crl.parse_lists(data, "x.crl")


# Together


def both(*answers: bytes, lists: tuple[bytes, ...] = ()) -> Statement | None:
    inquiry = Inquiry(tuple(one for pem in lists for one in crl.parse_lists(pem, "x.crl")))
    chain = (LEAF, ISSUER)
    anchors = (certificate(OURS.root),)
    return inquire(chain, anchors, answers, inquiry, moment(), may_ask=False)[0].best()


def test_revoked_comes_before_good_whoever_is_newer() -> None:
    said = both(OURS.response(Said(this_update=timedelta())), lists=(OURS.crl(LISTED),))
    assert said is not None
    assert said.says is Word.REVOKED


@pytest.mark.parametrize(("newer", "word"), [(-HOUR / 2, Word.GOOD), (-2 * HOUR, Word.REVOKED)])
def test_a_hold_ends_with_a_newer_status(newer: timedelta, word: Word) -> None:
    held = OURS.crl((OURS.leaf, REVOKED_ON, Reason.certificate_hold, None))
    said = both(OURS.response(Said(this_update=newer)), lists=(held,))
    assert said is not None
    assert said.says is word


def test_an_issuer_is_looked_up_as_the_signer_is() -> None:
    pem = OURS.crl((OURS.issuer, REVOKED_ON, Reason.ca_compromise, None), issuer=OURS.root)
    chain, anchors = (LEAF, ISSUER), (certificate(OURS.root),)
    inquiry = Inquiry(crl.parse_lists(pem, "x.crl"))
    leaf, issuer = inquire(chain, anchors, (), inquiry, moment(), may_ask=False)
    assert leaf.best() is None
    said = issuer.best()
    assert said is not None
    assert (said.says, said.reason) == (Word.REVOKED, "cACompromise")


# Asking


def asked(asker: Asker, responder: Responder) -> object:
    chain = (certificate(responder.house.leaf), certificate(responder.house.issuer))
    return asker(*chain, moment())


def test_a_certificate_is_asked_about_once_in_a_run() -> None:
    with responding() as responder:
        asker = Asker((LOOPBACK,))
        for _ in range(3):
            assert isinstance(asked(asker, responder), Statement)
        assert len(responder.asked) == 1
        responder.fault = "status"
        fresh = Asker((LOOPBACK,))
        for _ in range(3):
            assert "503" in reason(asked(fresh, responder))
        assert len(responder.asked) == 2


def test_a_slow_responder_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustkit.c2pa.revocation.asking.MAX_SECONDS", 0.6)
    monkeypatch.setattr("trustkit.c2pa.revocation.asking._SLOW", 0.3)
    with responding() as responder:
        responder.fault = "slow"
        start, asker = time.monotonic(), Asker((LOOPBACK,))
        answer = asked(asker, responder)
        assert time.monotonic() - start < 5
        assert isinstance(answer, Refused)
        assert answer.was_asked
        # Another certificate of the same house: its responder is known to be down.
        other = issue("another", responder.house.issuer, for_ocsp(responder.url))
        again = asker(certificate(other), certificate(responder.house.issuer), moment())
        assert "asked before" in reason(again)
        assert len(responder.asked) == 1


# Hostile bytes


@pytest.mark.parametrize("kind", ["ocsp", "delegated", "crl"])
def test_mutated_bytes_never_raise_and_never_count(kind: str) -> None:
    # Seeded: the same 2,000 each time. A mutation may spare what is signed, and then it counts.
    chance = random.Random(1)
    good = {
        "ocsp": OURS.response(GOOD),
        "delegated": OURS.response(by(DELEGATE, DELEGATE)),
        "crl": x509.load_pem_x509_crl(OURS.crl(LISTED)).public_bytes(Encoding.DER),
    }[kind]
    at, start, slowest = moment(), time.monotonic(), 0.0
    counted = 0
    for _ in range(MUTATIONS):
        data, began = mutated(good, chance), time.monotonic()
        if kind == "crl":
            try:
                answer = crl.judge(crl.parse_lists(data, "x.crl")[0], LEAF, ISSUER, at)
            except ConfigError:
                continue
        else:
            answer = ocsp.judge(data, LEAF, ISSUER, at, "test")
        counted += isinstance(answer, Statement)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1
    assert time.monotonic() - start < 60
    assert counted <= MUTATIONS // 20


def mutated(good: bytes, chance: random.Random) -> bytes:
    data = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        match chance.randrange(5):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice((0, 0x30, 0x7F, 0x80, 0x84, 0xFF))
            case 2:
                del data[at : at + chance.randint(1, 20)]
            case 3:
                data[at:at] = chance.randbytes(chance.randint(1, 20))
            case _:
                data[at : at + 9] = data[chance.randrange(len(data)) :][:9]
        if not data:
            data = bytearray(b"\x30")
    return bytes(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    assert reason(ocsp.judge(data, LEAF, ISSUER, moment(), "test"))


def test_a_response_over_the_limit_is_not_read() -> None:
    data = OURS.response(GOOD) + bytes(ocsp.MAX_RESPONSE)
    assert "larger than" in reason(ocsp.judge(data, LEAF, ISSUER, moment(), "test"))


def test_the_time_of_a_status_is_aware() -> None:
    answer = judged(GOOD)
    assert isinstance(answer, Statement)
    assert all(isinstance(t, datetime) and t.tzinfo for t in (answer.since, answer.until))


def test_an_issuer_that_names_a_responder_is_asked_about_too() -> None:
    with responding() as responder:
        root = responder.house.root
        issuer = issue("an issuer", root, for_ocsp(responder.url), is_ca=True)
        leaf = issue("a leaf", issuer)
        # The responder speaks for the root here, of the issuer.
        responder.house = House(root, root, issuer, revoked(REVOKED_ON, Reason.ca_compromise))
        chain, anchors = (certificate(leaf), certificate(issuer)), (certificate(root),)
        inquiry = Inquiry(ask=Asker((LOOPBACK,)))
        below, above = inquire(chain, anchors, (), inquiry, moment(), may_ask=True)
        assert "names no responder" in below.refused[0].reason
        said = above.best()
        assert said is not None
        assert (said.says, said.reason) == (Word.REVOKED, "cACompromise")
