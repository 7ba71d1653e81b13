"""The word `recovered`: only where no manifest is intact, and never louder than what is proved."""

from __future__ import annotations

import pytest

from trustkit.axes import axes
from trustkit.finding import Finding, Status, Weight
from trustkit.policies import load_policy, shipped
from trustkit.policy import Decision, Word

INVALID, PRESENT = Status.INVALID, Status.PRESENT


def one(code: str, status: Status = PRESENT) -> Finding:
    return Finding(code, status, Weight.STRONG, "test", code)


MATCH = one("registry.match")


@pytest.mark.parametrize("policy", shipped())
@pytest.mark.parametrize(
    ("others", "word"),
    [
        ((one("manifest.present", Status.ABSENT),), Word.RECOVERED),
        ((one("manifest.unreadable", INVALID),), Word.RECOVERED),
        ((one("manifest.intact"), one("manifest.trusted")), Word.TRUSTED),
        ((one("manifest.intact"), one("manifest.signer_unknown")), Word.VALID_UNTRUSTED),
        ((one("manifest.content_changed", INVALID),), Word.TAMPERED),
        ((one("metadata.declares_ai"),), Word.DECLARED_AI),
    ],
)
def test_a_record_speaks_where_no_manifest_does(
    policy: str, others: tuple[Finding, ...], word: Word
) -> None:
    assert load_policy(policy).judge((MATCH, *others)).word is word


@pytest.mark.parametrize("status", [Status.ABSENT, Status.SKIPPED, Status.INVALID])
def test_only_a_match_that_was_seen_recovers(status: Status) -> None:
    found = (one("registry.match", status), one("registry.no_match", status))

    assert load_policy("newsdesk").judge(found).word is Word.NO_PROVENANCE
    assert axes(found).origin == "none"


def test_what_a_manifest_declares_comes_before_the_record_and_unsigned_words_after_it() -> None:
    signed = (MATCH, one("manifest.declares_capture"))
    unsigned = (MATCH, one("metadata.declares_capture"))

    assert axes(signed).origin == "declared_capture"
    assert axes(unsigned).origin == "recovered"


@pytest.mark.parametrize("policy", shipped())
@pytest.mark.parametrize(
    "doubt", [one("registry.conflict"), one("registry.manifest", INVALID)], ids=lambda f: f.code
)
def test_what_does_not_fit_goes_to_a_person(policy: str, doubt: Finding) -> None:
    verdict = load_policy(policy).judge((MATCH, doubt))

    assert (verdict.word, verdict.decision) == (Word.RECOVERED, Decision.REVIEW)


def test_a_manifest_that_cannot_be_read_still_goes_to_a_person() -> None:
    found = (MATCH, one("manifest.unreadable", INVALID))

    assert load_policy("newsdesk").judge(found).decision is Decision.REVIEW
