"""Five questions, answered apart: what answers one says nothing about another."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.axes import Axes, axes
from trustkit.finding import Finding, Status, Weight
from trustkit.policy import CODES
from trustkit.verify import NOTHING

ABOUT = {
    "integrity": ("altered", "intact", "unreadable", "none"),
    "signer": ("trusted", "untrusted", "expired", "revoked", "none"),
    "origin": (
        *("declared_ai", "declared_synthetic", "declared_edit", "declared_capture"),
        *("recovered", "none"),
    ),
    "synthetic": ("likely", "unlikely", "inconclusive", "not_checked"),
    "identity": ("trusted", "untrusted", "expired", "broken", "none"),
}
EXTRA = ("detector.synthetic", "detector.inconclusive", "manifest.failed")


def one(code: str, status: Status = Status.PRESENT) -> Finding:
    return Finding(code, status, Weight.PROOF, "test", code)


_findings = st.lists(
    st.builds(one, st.sampled_from(sorted({*CODES, *EXTRA})), st.sampled_from(Status)), max_size=10
)


def test_no_finding_answers_nothing() -> None:
    assert axes(()) == NOTHING == Axes("none", "none", "none", "not_checked")


@given(_findings)
def test_every_answer_is_a_word_of_the_contract(found: list[Finding]) -> None:
    answer = axes(tuple(found))
    for axis, words in ABOUT.items():
        assert getattr(answer, axis) in words


@given(_findings)
def test_trust_never_touches_integrity(found: list[Finding]) -> None:
    about = ("manifest.signer", "manifest.trusted", "trust.", "identity.", "manifest.timestamp")
    without = tuple(f for f in found if not f.code.startswith(about))
    assert axes(without).integrity == axes(tuple(found)).integrity


@given(_findings)
def test_an_identity_answers_its_own_question_alone(found: list[Finding]) -> None:
    without = axes(tuple(f for f in found if not f.code.startswith("identity.")))
    answer = axes(tuple(found))
    assert replace(answer, identity="none") == without


@given(_findings)
def test_detectors_answer_their_own_question_alone(found: list[Finding]) -> None:
    without = axes(tuple(f for f in found if not f.code.startswith("detector.")))
    answer = axes(tuple(found))
    assert (without.integrity, without.signer, without.origin) == (
        answer.integrity,
        answer.signer,
        answer.origin,
    )
    assert without.synthetic == "not_checked"


@pytest.mark.parametrize("status", [Status.ABSENT, Status.SKIPPED, Status.INVALID])
def test_a_declaration_counts_only_where_it_was_seen_whole(status: Status) -> None:
    for kind in ("ai", "edit", "capture", "synthetic"):
        assert axes((one(f"manifest.declares_{kind}", status),)).origin == "none"


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        (("manifest.trusted", "manifest.signer_revoked"), "revoked"),
        (("manifest.trusted", "manifest.signer_expired"), "expired"),
        (("manifest.trusted", "manifest.signature_broken"), "untrusted"),
        (("manifest.trusted", "manifest.signer_unfit"), "untrusted"),
        (("manifest.trusted",), "trusted"),
    ],
)
def test_the_gravest_word_about_a_signer_wins(codes: tuple[str, ...], word: str) -> None:
    assert axes(tuple(one(code) for code in codes)).signer == word
